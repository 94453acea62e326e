/** The state of an alert, of its events and of its endpoint in words. */
import type { Alert, AlertEvent, WebhookEndpoint } from "../api/types.ts";
import { minute } from "./format.ts";
import { t } from "./language.ts";
import { nameOf } from "./slug.ts";

/** Why an armed alert cannot fire at the moment, and since when; `null` while it can. */
export function noDataWords({ ticker, no_data }: Pick<Alert, "ticker" | "no_data">): string | null {
  if (!no_data) return null;
  const { noData } = t.value.alerts;
  const since = minute(no_data.since);
  if (no_data.reason === "not_watched") return noData.not_watched(ticker, since);
  return noData[no_data.reason](since);
}

/** Since when and why an endpoint is disabled, and what becomes of its messages; `null` while it is enabled. */
export function disabledWords(endpoint: WebhookEndpoint): string | null {
  if (endpoint.is_enabled) return null;
  const texts = t.value.endpoint;
  const disabled = disabledSince(endpoint);
  const reason = endpoint.disabled_reason;
  if (reason === "gone") return texts.gone(disabled);
  if (reason === "too_many_failures") return texts.tooManyFailures(disabled);
  return texts.otherReason(disabled, reason ? nameOf({}, reason) : texts.noReason);
}

/** "Endpoint disabled since 21 Nov, 03:44". */
export function disabledSince({ disabled_at }: Pick<WebhookEndpoint, "disabled_at">): string {
  const { endpoint } = t.value;
  return disabled_at ? endpoint.disabledSince(minute(disabled_at)) : endpoint.disabled;
}

/** Title and explanation of an event, for the alert's history. */
export function eventWords(event: Pick<AlertEvent, "to_state" | "reason" | "late">): {
  title: string;
  explanation: string;
} {
  const texts = t.value.details.event;
  if (event.reason === "delivery_failed") return { title: texts.givenUp, explanation: texts.givenUpAbout };
  const reason = nameOf(texts.reasons, event.reason);
  return { title: texts.states[event.to_state], explanation: event.late ? texts.late(reason) : reason };
}
