import type { Delivery, DeliverySummary } from "../api/types.ts";
import { duration, humanize, isKnown, milliseconds } from "./format.ts";

/** What became of a message. */
export type Outcome =
  | { kind: "sending" }
  | { kind: "delivered" }
  /** `nextAt` is `null` while an attempt is under way. */
  | { kind: "retrying"; nextAttempt: number; maxAttempts: number | null; nextAt: number | null }
  | { kind: "failed"; reason: string };

export function outcomeOf(delivery: DeliverySummary): Outcome {
  switch (delivery.status) {
    case "success":
      return { kind: "delivered" };
    case "failed":
      return { kind: "failed", reason: delivery.error_msg ?? humanize(delivery.failure_reason ?? "not sent") };
    case "pending":
      if (delivery.attempt === 0) return { kind: "sending" };
      return {
        kind: "retrying",
        nextAttempt: delivery.attempt + 1,
        maxAttempts: delivery.max_attempts ?? null,
        nextAt: delivery.next_attempt_at ? Date.parse(delivery.next_attempt_at) : null,
      };
  }
}

export function outcomeWords(outcome: Outcome, now: number): string {
  switch (outcome.kind) {
    case "sending":
      return "Sending";
    case "delivered":
      return "Delivered";
    case "failed":
      return `Failed: ${outcome.reason}`;
    case "retrying": {
      const { nextAttempt, maxAttempts, nextAt } = outcome;
      const due = nextAt === null ? null : nextAt - now;
      const when = due === null ? "under way" : due > 0 ? `next in ${duration(due)}` : "next is due";
      return `Retrying (${nextAttempt}${maxAttempts === null ? "" : ` of ${maxAttempts}`}, ${when})`;
    }
  }
}

/** The outcome of a test message, with the endpoint's status and how long it took. */
export function testWords(delivery: DeliverySummary, now: number): string {
  const words = outcomeWords(outcomeOf(delivery), now);
  const answered = isKnown(delivery.response_code)
    ? ` The endpoint answered ${delivery.response_code} in ${milliseconds(delivery.latency_ms)}.`
    : "";
  const why =
    delivery.status === "pending" && delivery.error_msg ? ` Attempt ${delivery.attempt}: ${delivery.error_msg}.` : "";
  return `${words}.${answered || why}`;
}

/** Whether another attempt follows this one: an older attempt has been followed already. */
export function hasNextAttempt(attempt: Delivery, all: readonly Delivery[], isOver: boolean): boolean {
  const newest = all.find((each) => each.id === attempt.id);
  return !isOver && newest?.attempt === attempt.attempt && attempt.status !== "success";
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
