import type { JSX } from "preact";
import type { Alert, WebhookEndpoint } from "../api/types.ts";
import { disabledSince, noDataWords } from "../i18n/alert-state.ts";
import { outcomeWords } from "../i18n/delivery.ts";
import { t } from "../i18n/language.ts";
import type { Outcome } from "../lib/delivery.ts";

interface Props {
  alert: Alert;
  /** The endpoint of its webhook, as far as it is known. */
  endpoint: WebhookEndpoint | null;
  /** What became of its webhook, as far as it is known. */
  outcome: Outcome | null;
  now: number;
}

const TONES: Record<Outcome["kind"], string> = {
  sending: "fired",
  delivered: "fired delivered",
  retrying: "retrying",
  failed: "failed",
};

export function AlertState({ alert, endpoint, outcome, now }: Props): JSX.Element {
  const noData = noDataWords(alert);
  const disabled = endpoint?.is_enabled === false ? disabledSince(endpoint) : null;
  const tone = outcome ? TONES[outcome.kind] : noData ? "off" : alert.is_active ? "armed" : "fired";
  const words = t.value.alerts.states[alert.state];
  return (
    <>
      <span class={`state-tag ${tone}`}>{outcome ? outcomeWords(outcome, now) : words}</span>
      {noData && <span class="state-reason">{noData}</span>}
      {disabled && <span class="state-reason">{disabled}</span>}
    </>
  );
}
