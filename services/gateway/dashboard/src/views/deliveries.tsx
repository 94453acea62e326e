import type { JSX } from "preact";
import type { Alert } from "../api/types.ts";
import { DeliveryAttempt } from "../components/delivery-attempt.tsx";
import { Problem } from "../components/problem.tsx";
import { t } from "../i18n/language.ts";
import { hasNextAttempt } from "../lib/delivery.ts";
import { useAction } from "../lib/use-action.ts";
import { now } from "../lib/visibility.ts";
import { deliveries } from "../state/alerts.ts";
import { deliveryOf, sendAgain } from "../state/outcomes.ts";
import { PollerLoading } from "./poller-status.tsx";

export function Deliveries({ alert }: { alert: Alert }): JSX.Element {
  const { deliveries: texts } = t.value;
  const list = deliveries.data.value;
  const delivery = deliveryOf(alert);
  const action = useAction();
  return (
    <section>
      <h3>{texts.title}</h3>
      {list === null ? (
        <PollerLoading of={deliveries} label={texts.loading} />
      ) : list.length === 0 ? (
        <p class="empty">{alert.is_active ? texts.waiting : texts.starting}</p>
      ) : (
        <ol class="attempts">
          {list.map((attempt) => (
            <DeliveryAttempt
              key={`${attempt.id}/${attempt.attempt}`}
              attempt={attempt}
              isOpen={hasNextAttempt(attempt, list, delivery?.status === "failed")}
              isNewest={attempt === list[0]}
              now={now.value}
            />
          ))}
        </ol>
      )}
      {delivery?.status === "failed" && (
        <div class="row">
          <button
            type="button"
            class="button"
            disabled={action.isBusy.value}
            onClick={() => void action.run(() => sendAgain(delivery))}
          >
            {texts.sendAgain}
          </button>
        </div>
      )}
      {action.error.value && <Problem error={action.error.value} />}
    </section>
  );
}
