import type { Delivery } from "../api/types.ts";
import { duration, isKnown } from "./format.ts";

/** The gateway's default, `WEBHOOK_MAX_ATTEMPTS`: the API does not say how many attempts a delivery has. */
export const MAX_ATTEMPTS = 4;

/** What became of the webhook of an alert that fired. */
export type Outcome =
  | { kind: "sending" }
  | { kind: "delivered" }
  | { kind: "retrying"; nextAttempt: number; nextAt: number }
  | { kind: "failed"; reason: string };

/** The outcome after these attempts, newest first; `isGivenUp` when an event says that no further one is made. */
export function outcomeOf(attempts: readonly Delivery[], isGivenUp: boolean): Outcome {
  const [newest] = attempts;
  if (!newest) return { kind: "sending" };
  if (newest.status === "success") return { kind: "delivered" };
  const reason = newest.error_msg ?? (newest.attempt === 0 ? "not sent" : "no answer");
  if (isGivenUp) return { kind: "failed", reason };
  if (newest.status === "pending") return { kind: "sending" };
  if (!newest.next_attempt_at) return { kind: "failed", reason };
  return { kind: "retrying", nextAttempt: newest.attempt + 1, nextAt: Date.parse(newest.next_attempt_at) };
}

/** Whether the outcome stays as it is, unless a person sends the message again. */
export const isFinal = ({ kind }: Outcome): boolean => kind === "delivered" || kind === "failed";

export function outcomeWords(outcome: Outcome, now: number): string {
  switch (outcome.kind) {
    case "sending":
      return "Sending";
    case "delivered":
      return "Delivered";
    case "failed":
      return `Failed: ${outcome.reason}`;
    case "retrying": {
      const due = outcome.nextAt - now;
      const when = due > 0 ? `next in ${duration(due)}` : "next is due";
      // A deployment can allow more attempts than the default.
      const of = outcome.nextAttempt > MAX_ATTEMPTS ? "" : ` of ${MAX_ATTEMPTS}`;
      return `Retrying (${outcome.nextAttempt}${of}, ${when})`;
    }
  }
}

/** Whether another attempt follows this one, by what is known: an older attempt has been followed already. */
export function hasNextAttempt(attempt: Delivery, all: readonly Delivery[], isGivenUp: boolean): boolean {
  const newest = all.find((each) => each.id === attempt.id);
  return !isGivenUp && newest?.attempt === attempt.attempt && attempt.status !== "success";
}

const ADVICE: [cause: RegExp, advice: string][] = [
  [/not resolved/, "The host name of the webhook URL has no address. Check its spelling and its DNS record."],
  [
    /^connection closed/,
    "The endpoint closed the connection without an answer. Look into its log or that of its proxy.",
  ],
  [
    /^connection (failed|timed out)/,
    "Nothing accepts connections there. Check that the endpoint runs, its port and its firewall.",
  ],
  [/timed out/, "The endpoint took too long. Let it answer with 200 first and do its work afterwards."],
  [/^TLS/, "The endpoint's certificate is not accepted. Renew it, or send the whole chain with it."],
  [/^blocked/, "The address is not public. Whoever runs CryptoLens can allow it with WEBHOOK_ALLOWED_CIDRS."],
  [/^interrupted/, "CryptoLens was stopped during the attempt. The endpoint may have received it."],
  [/disabled/, "The endpoint is disabled. Enable it below; messages that were given up stay so."],
];

/** What to do about a failed attempt. */
export function remedyOf({ error_msg, response_code: code }: Pick<Delivery, "error_msg" | "response_code">): string {
  if (isKnown(code)) return adviceOn(code);
  const known = ADVICE.find(([cause]) => cause.test(error_msg ?? ""));
  return known?.[1] ?? "Send a test message below, and look into the endpoint's log at that time.";
}

function adviceOn(code: number): string {
  if (code >= 300 && code < 400)
    return "Redirects are not followed. Create the alert with the address that it redirects to.";
  if (code === 401 || code === 403)
    return "The endpoint wants a credential. Accept the signature instead: see below how to verify it.";
  if (code === 404 || code === 405)
    return "The endpoint has no such route. Check the path of the webhook URL and that it takes POST.";
  if (code === 410) return "The endpoint says that it is gone, which disables it. Enable it below when it is back.";
  if (code === 429) return "The endpoint takes fewer messages than it got. Its Retry-After is followed.";
  if (code >= 500) return "The endpoint failed while it handled the message. Its log says why.";
  return "The endpoint refused the message. Its answer and its log say why.";
}
