import type { Delivery, DeliverySummary } from "../api/types.ts";

/** Why a message or an attempt failed, as far as the server says it. */
export type Failure = Pick<DeliverySummary, "error_msg" | "response_code" | "failure_reason">;

/** What became of a message. */
export type Outcome =
  | { kind: "sending" }
  | { kind: "delivered" }
  /** `nextAt` is `null` while an attempt is under way. */
  | { kind: "retrying"; nextAttempt: number; maxAttempts: number | null; nextAt: number | null }
  | { kind: "failed"; failure: Failure };

export function outcomeOf(delivery: DeliverySummary): Outcome {
  switch (delivery.status) {
    case "success":
      return { kind: "delivered" };
    case "failed":
      return { kind: "failed", failure: delivery };
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

/** Whether another attempt follows this one: an older attempt has been followed already. */
export function hasNextAttempt(attempt: Delivery, all: readonly Delivery[], isOver: boolean): boolean {
  const newest = all.find((each) => each.id === attempt.id);
  return !isOver && newest?.attempt === attempt.attempt && attempt.status !== "success";
}

export type Cause =
  | "unresolved"
  | "closed"
  | "unreachable"
  | "slow"
  | "tls"
  | "blocked"
  | "interrupted"
  | "disabled"
  | "protocol"
  | "secret"
  | "unknown";

const CAUSES: [pattern: RegExp, cause: Cause][] = [
  [/not resolved/, "unresolved"],
  [/^connection closed/, "closed"],
  [/^connection (failed|timed out)/, "unreachable"],
  [/timed out/, "slow"],
  [/^TLS/, "tls"],
  [/^blocked/, "blocked"],
  [/^interrupted/, "interrupted"],
  [/disabled/, "disabled"],
  [/broken answer/, "protocol"],
  [/secret is unreadable/, "secret"],
];

/** What the server's words about an attempt without an answer mean. */
export function causeOf(message: string): Cause {
  return CAUSES.find(([pattern]) => pattern.test(message))?.[1] ?? "unknown";
}
