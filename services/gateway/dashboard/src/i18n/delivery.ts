/** What became of a webhook, in words. */
import type { Delivery, DeliverySummary } from "../api/types.ts";
import { causeOf, outcomeOf, type Failure, type Outcome } from "../lib/delivery.ts";
import { isKnown } from "../lib/numbers.ts";
import { duration, milliseconds } from "./format.ts";
import { t } from "./language.ts";
import { isServerLanguage, SERVER_LANGUAGE, type ServerText } from "./server-text.ts";

export function outcomeWords(outcome: Outcome, now: number): string {
  const { deliveries } = t.value;
  switch (outcome.kind) {
    case "sending":
      return deliveries.sending;
    case "delivered":
      return deliveries.delivered;
    case "failed":
      return deliveries.failed(failureWords(outcome.failure));
    case "retrying": {
      const { nextAttempt, maxAttempts, nextAt } = outcome;
      const attempt = maxAttempts === null ? String(nextAttempt) : deliveries.attemptOf(nextAttempt, maxAttempts);
      if (nextAt === null) return deliveries.retrying.underWay(attempt);
      const due = nextAt - now;
      return due > 0 ? deliveries.retrying.waits(attempt, duration(due)) : deliveries.retrying.due(attempt);
    }
  }
}

/** Why a message or an attempt failed, as a part of a sentence. */
export function failureWords(failure: Failure): string {
  const { deliveries } = t.value;
  const { error_msg, response_code, failure_reason } = failure;
  if (error_msg && isServerLanguage()) return error_msg;
  if (isKnown(response_code)) return deliveries.statusCode(response_code);
  if (error_msg) return deliveries.causes[causeOf(error_msg)];
  return failure_reason ? deliveries.reasons[failure_reason] : deliveries.notSent;
}

/** The same on its own: what the words of the page do not say is left to the server's. */
export function failureText(failure: Failure): ServerText {
  const { error_msg, response_code } = failure;
  const hasMore = error_msg && !isKnown(response_code) && ["tls", "unknown"].includes(causeOf(error_msg));
  return hasMore && !isServerLanguage()
    ? { text: error_msg, lang: SERVER_LANGUAGE }
    : { text: failureWords(failure), lang: undefined };
}

/** The outcome of a test message, with the endpoint's status and how long it took. */
export function testWords(delivery: DeliverySummary, now: number): string {
  const { endpoint } = t.value;
  const sentences = [endpoint.testOutcome(outcomeWords(outcomeOf(delivery), now))];
  if (isKnown(delivery.response_code))
    sentences.push(endpoint.testAnswered(delivery.response_code, milliseconds(delivery.latency_ms)));
  else if (delivery.status === "pending" && delivery.error_msg)
    sentences.push(endpoint.testAttempt(delivery.attempt, failureWords(delivery)));
  return sentences.join(" ");
}

/** What to do about a failed attempt. */
export function remedyOf({ error_msg, response_code: code }: Pick<Delivery, "error_msg" | "response_code">): string {
  const { advice } = t.value.deliveries;
  if (!isKnown(code)) return advice[causeOf(error_msg ?? "")];
  if (code >= 300 && code < 400) return advice.redirect;
  if (code === 401 || code === 403) return advice.unauthorized;
  if (code === 404 || code === 405) return advice.noRoute;
  if (code === 410) return advice.gone;
  if (code === 429) return advice.throttled;
  return code >= 500 ? advice.serverError : advice.refused;
}
