import type { JSX } from "preact";
import type { Delivery } from "../api/types.ts";
import { remedyOf } from "../lib/delivery.ts";
import { dateTime, duration, isKnown, milliseconds } from "../lib/format.ts";

const STATUS: Record<Delivery["status"], string> = {
  success: "Delivered",
  failed: "Failed",
  pending: "Waiting",
};

interface Props {
  attempt: Delivery;
  /** Another attempt follows. */
  isOpen: boolean;
  isNewest: boolean;
  now: number;
}

export function DeliveryAttempt({ attempt, isOpen, isNewest, now }: Props): JSX.Element {
  const due = isOpen && attempt.next_attempt_at ? Date.parse(attempt.next_attempt_at) - now : null;
  return (
    <li class={attempt.status}>
      <p class="attempt-head">
        <span class={`outcome ${attempt.status}`}>{STATUS[attempt.status]}</span>
        {attempt.attempt > 0 && <span>Attempt {attempt.attempt}</span>}
        {isKnown(attempt.response_code) && <span class="code">HTTP {attempt.response_code}</span>}
        {isKnown(attempt.latency_ms) && <span>{milliseconds(attempt.latency_ms)}</span>}
        <span class="when">{dateTime(attempt.dispatched_at)}</span>
      </p>
      {attempt.error_msg && <p class="error">{attempt.error_msg}</p>}
      {attempt.status === "failed" && isNewest && <p class="advice">{remedyOf(attempt)}</p>}
      {attempt.response_excerpt && (
        <details class="answer">
          <summary>The endpoint's answer</summary>
          <pre tabIndex={0} aria-label="Answer of the endpoint">
            {attempt.response_excerpt}
          </pre>
        </details>
      )}
      {due !== null && <p class="hint">{due > 0 ? `Next attempt in ${duration(due)}` : "Next attempt is due"}</p>}
    </li>
  );
}
