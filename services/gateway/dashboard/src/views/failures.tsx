import type { JSX } from "preact";
import { condition } from "../i18n/condition.ts";
import { failureWords } from "../i18n/delivery.ts";
import { fixed } from "../i18n/format.ts";
import { t } from "../i18n/language.ts";
import { deliveryOf, dismissFailures, newFailures } from "../state/outcomes.ts";
import { openAlertId } from "../state/selection.ts";

/** Webhooks that were given up, above everything else: nobody was told what they should have said. */
export function Failures(): JSX.Element | null {
  const [first, ...others] = newFailures.value;
  const delivery = first && deliveryOf(first);
  if (!first || !delivery) return null;
  const { actions, deliveries } = t.value;
  return (
    <div class="outage failures" role="status">
      <p>
        <strong>{deliveries.lost}</strong> {deliveries.lostAbout(condition(first), failureWords(delivery))}
        {others.length > 0 && deliveries.andMore(fixed(others.length, 0))}
      </p>
      <button type="button" class="link" onClick={() => (openAlertId.value = first.id)}>
        {deliveries.seeWhatToDo}
      </button>
      <button type="button" class="link" onClick={dismissFailures}>
        {actions.dismiss}
      </button>
    </div>
  );
}
