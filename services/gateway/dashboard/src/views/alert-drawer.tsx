import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { Alert } from "../api/types.ts";
import { AlertState } from "../components/alert-state.tsx";
import { Dialog } from "../components/dialog.tsx";
import { condition } from "../lib/condition.ts";
import { dateTime, isKnown, price, signedPercent } from "../lib/format.ts";
import { now } from "../lib/visibility.ts";
import { alerts, distanceOf, endpointOf, openAlert } from "../state/alerts.ts";
import { outcomeOfAlert } from "../state/outcomes.ts";
import { openAlertId } from "../state/selection.ts";
import { DeleteAlert } from "./delete-alert.tsx";
import { Deliveries } from "./deliveries.tsx";
import { Endpoint } from "./endpoint.tsx";
import { Events } from "./events.tsx";

/** The details of one alert: its state, deliveries, events and endpoint. */
export function AlertDrawer(): JSX.Element | null {
  const alert = openAlert.value;
  const deleting = useSignal(false);
  const close = (): void => void (openAlertId.value = null);
  // An address can name an alert that is no longer there. While only a part of the list is loaded, that is not known.
  if (!alert)
    return alerts.receivedAt.value === 0 ? null : (
      <Dialog side title="Alert not found" onClose={close}>
        <p>It was deleted, or it belongs to another account.</p>
      </Dialog>
    );
  return (
    <Dialog side title={condition(alert)} onClose={close}>
      <Facts alert={alert} />
      <Deliveries alert={alert} />
      <Events />
      <Endpoint alert={alert} />
      <div class="row end">
        <button type="button" class="button danger-quiet" onClick={() => (deleting.value = true)}>
          Delete alert
        </button>
      </div>
      {deleting.value && <DeleteAlert alert={alert} onClose={() => (deleting.value = false)} />}
    </Dialog>
  );
}

function Facts({ alert }: { alert: Alert }): JSX.Element {
  return (
    <dl class="facts">
      <div>
        <dt>State</dt>
        <dd>
          <AlertState alert={alert} endpoint={endpointOf(alert)} outcome={outcomeOfAlert(alert)} now={now.value} />
        </dd>
      </div>
      <div>
        <dt>Created</dt>
        <dd>{dateTime(alert.created_at)}</dd>
      </div>
      {alert.is_active && (
        <div>
          <dt>Distance</dt>
          <dd>{signedPercent(distanceOf(alert), 1)} from now</dd>
        </div>
      )}
      {alert.triggered_at && (
        <div>
          <dt>Fired</dt>
          <dd>
            {dateTime(alert.triggered_at)}
            {isKnown(alert.last_value) && ` at ${price(alert.last_value)}`}
          </dd>
        </div>
      )}
      <div>
        <dt>Webhook</dt>
        <dd class="wrap-anywhere">{alert.webhook_url}</dd>
      </div>
    </dl>
  );
}
