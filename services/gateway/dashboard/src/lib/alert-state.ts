import type { Alert, WebhookEndpoint } from "../api/types.ts";
import { minute, words } from "./format.ts";

/** Why an armed alert cannot fire at the moment, and since when; `null` while it can. */
export function noDataWords({ ticker, no_data }: Pick<Alert, "ticker" | "no_data">): string | null {
  if (!no_data) return null;
  const since = `since ${minute(no_data.since)}`;
  if (no_data.reason === "not_watched")
    return `Cannot fire: ${ticker} is not watched any more, last price ${minute(no_data.since)}`;
  if (no_data.reason === "prices_unfit") return `Cannot fire: prices come too late ${since}`;
  return `Cannot fire: no price ${since}`;
}

/** What it means that a receiver is disabled; `null` while it is posted to. */
export function disabledWords(endpoint: WebhookEndpoint): string | null {
  if (endpoint.is_enabled) return null;
  if (endpoint.disabled_reason === "gone")
    return (
      "Nothing is sent to this receiver, because it answered 410 Gone. " +
      "Messages for it fail until you enable it again."
    );
  if (endpoint.disabled_reason === "too_many_failures")
    return (
      "This receiver is paused, because too many messages to it failed. Messages wait (1,000 at most) " +
      "until a test every ten minutes gets through, or until you enable it again."
    );
  return `Nothing is sent to this receiver while it is disabled (${words(endpoint.disabled_reason ?? "no reason given")}).`;
}
