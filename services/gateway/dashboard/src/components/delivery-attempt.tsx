import type { JSX } from "preact";
import type { Delivery } from "../api/types.ts";
import { failureText, remedyOf } from "../i18n/delivery.ts";
import { dateTime, duration, milliseconds } from "../i18n/format.ts";
import { t } from "../i18n/language.ts";
import { isKnown } from "../lib/numbers.ts";
import { ServerWords } from "./server-words.tsx";

interface Props {
  attempt: Delivery;
  /** Another attempt follows. */
  isOpen: boolean;
  isNewest: boolean;
  now: number;
}

export function DeliveryAttempt({ attempt, isOpen, isNewest, now }: Props): JSX.Element {
  const due = isOpen && attempt.next_attempt_at ? Date.parse(attempt.next_attempt_at) - now : null;
  const { deliveries } = t.value;
  return (
    <li class={attempt.status}>
      <p class="attempt-head">
        <span class={`outcome ${attempt.status}`}>{deliveries.status[attempt.status]}</span>
        {attempt.attempt > 0 && <span>{deliveries.attempt(attempt.attempt)}</span>}
        {isKnown(attempt.response_code) && <span class="code">{deliveries.http(attempt.response_code)}</span>}
        {isKnown(attempt.latency_ms) && <span>{milliseconds(attempt.latency_ms)}</span>}
        <span class="when">{dateTime(attempt.dispatched_at)}</span>
      </p>
      {attempt.error_msg && (
        <p class="error">
          <ServerWords {...failureText(attempt)} />
        </p>
      )}
      {attempt.status === "failed" && isNewest && <p class="advice">{remedyOf(attempt)}</p>}
      {attempt.response_excerpt && (
        <details class="answer">
          <summary>{deliveries.answer}</summary>
          <pre tabIndex={0} aria-label={deliveries.answerLabel}>
            {attempt.response_excerpt}
          </pre>
        </details>
      )}
      {due !== null && <p class="hint">{due > 0 ? deliveries.nextIn(duration(due)) : deliveries.nextDue}</p>}
    </li>
  );
}
