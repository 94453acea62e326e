import type { JSX } from "preact";
import type { Alert, WebhookEndpoint } from "../api/types.ts";
import { disabledSince, noDataWords } from "../lib/alert-state.ts";
import { sentenceCase } from "../lib/format.ts";

interface Props {
  alert: Alert;
  /** The receiver of its webhook, as far as it is known. */
  endpoint: WebhookEndpoint | null;
}

export function AlertState({ alert, endpoint }: Props): JSX.Element {
  const noData = noDataWords(alert);
  const disabled = endpoint?.is_enabled === false ? disabledSince(endpoint) : null;
  const tone = noData ? "off" : alert.is_active ? "armed" : alert.state === "triggered" ? "fired" : "off";
  return (
    <>
      <span class={`state-tag ${tone}`}>{alert.state === "triggered" ? "Fired" : sentenceCase(alert.state)}</span>
      {noData && <span class="state-reason">{noData}</span>}
      {disabled && <span class="state-reason">{disabled}</span>}
    </>
  );
}
