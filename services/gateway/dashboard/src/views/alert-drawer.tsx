import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { Alert } from "../api/types.ts";
import { AlertState } from "../components/alert-state.tsx";
import { Dialog } from "../components/dialog.tsx";
import { condition } from "../i18n/condition.ts";
import { dateTime, price, signedPercent } from "../i18n/format.ts";
import { t } from "../i18n/language.ts";
import { isKnown } from "../lib/numbers.ts";
import { now } from "../lib/visibility.ts";
import { alerts, distanceOf, endpointOf, openAlert } from "../state/alerts.ts";
import { outcomeOfAlert } from "../state/outcomes.ts";
import { openAlertId } from "../state/selection.ts";
import { DeleteAlert } from "./delete-alert.tsx";
import { Deliveries } from "./deliveries.tsx";
import { Endpoint } from "./endpoint.tsx";
import { Events } from "./events.tsx";
import { TimeZone } from "./time-zone.tsx";

/** The details of one alert: its state, deliveries, events and endpoint. */
export function AlertDrawer(): JSX.Element | null {
  const alert = openAlert.value;
  const deleting = useSignal(false);
  const close = (): void => void (openAlertId.value = null);
  // An address can name an alert that is no longer there. While only a part of the list is loaded, that is not known.
  if (!alert)
    return alerts.receivedAt.value === 0 ? null : (
      <Dialog side title={t.value.details.notFound} onClose={close}>
        <p>{t.value.details.notFoundAbout}</p>
      </Dialog>
    );
  return (
    <Dialog side title={condition(alert)} onClose={close}>
      <Facts alert={alert} />
      <TimeZone />
      <Deliveries alert={alert} />
      <Events />
      <Endpoint alert={alert} />
      <div class="row end">
        <button type="button" class="button danger-quiet" onClick={() => (deleting.value = true)}>
          {t.value.details.delete}
        </button>
      </div>
      {deleting.value && <DeleteAlert alert={alert} onClose={() => (deleting.value = false)} />}
    </Dialog>
  );
}

function Facts({ alert }: { alert: Alert }): JSX.Element {
  const { alerts: texts, details } = t.value;
  return (
    <dl class="facts">
      <div>
        <dt>{details.state}</dt>
        <dd>
          <AlertState alert={alert} endpoint={endpointOf(alert)} outcome={outcomeOfAlert(alert)} now={now.value} />
        </dd>
      </div>
      <div>
        <dt>{details.created}</dt>
        <dd>{dateTime(alert.created_at)}</dd>
      </div>
      {alert.is_active && (
        <div>
          <dt>{details.distance}</dt>
          <dd>{details.fromNow(signedPercent(distanceOf(alert), 1))}</dd>
        </div>
      )}
      {alert.triggered_at && (
        <div>
          <dt>{details.fired}</dt>
          <dd>
            {dateTime(alert.triggered_at)}
            {isKnown(alert.last_value) && ` ${texts.at(price(alert.last_value))}`}
          </dd>
        </div>
      )}
      <div>
        <dt>{details.webhook}</dt>
        <dd class="wrap-anywhere">{alert.webhook_url}</dd>
      </div>
    </dl>
  );
}
