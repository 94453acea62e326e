import type { Alert, AlertEvent, WebhookEndpoint } from "../api/types.ts";
import { minute, sentenceCase, humanize } from "./format.ts";

/** Why an armed alert cannot fire at the moment, and since when; `null` while it can. */
export function noDataWords({ ticker, no_data }: Pick<Alert, "ticker" | "no_data">): string | null {
  if (!no_data) return null;
  const since = `since ${minute(no_data.since)}`;
  if (no_data.reason === "not_watched")
    return `Cannot fire: ${ticker} is not watched any more, last price ${minute(no_data.since)}`;
  if (no_data.reason === "prices_unfit") return `Cannot fire: prices come too late ${since}`;
  return `Cannot fire: no price ${since}`;
}

/** Since when and why an endpoint is disabled, and what becomes of its messages; `null` while it is enabled. */
export function disabledWords(endpoint: WebhookEndpoint): string | null {
  if (endpoint.is_enabled) return null;
  const since = disabledSince(endpoint);
  if (endpoint.disabled_reason === "gone")
    return `${since}, because it answered 410 Gone. Messages for it fail until you enable it again.`;
  if (endpoint.disabled_reason === "too_many_failures")
    return (
      `${since}, because too many messages to it failed. Messages wait (1,000 at most) ` +
      "until a test every ten minutes gets through, or until you enable it again."
    );
  const reason = humanize(endpoint.disabled_reason ?? "no reason given");
  return `${since} (${reason}). Nothing is sent to it until you enable it again.`;
}

/** "Endpoint disabled since 21 Nov, 03:44". */
export function disabledSince({ disabled_at }: Pick<WebhookEndpoint, "disabled_at">): string {
  return disabled_at ? `Endpoint disabled since ${minute(disabled_at)}` : "Endpoint disabled";
}

/** Title and explanation of an event, for the alert's history. */
export function eventWords(event: Pick<AlertEvent, "to_state" | "reason" | "late">): {
  title: string;
  explanation: string;
} {
  if (event.reason === "delivery_failed")
    return {
      title: "Message given up",
      explanation: "The webhook of this firing was not delivered and is not tried again by itself.",
    };
  return {
    title: sentenceCase(event.to_state),
    explanation: `${sentenceCase(event.reason)}${event.late ? ", found late" : ""}`,
  };
}
