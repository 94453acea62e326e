import type { JSX } from "preact";
import type { Alert, Delivery } from "../api/types.ts";
import { dateTime, duration, isKnown, milliseconds } from "../lib/format.ts";
import { now } from "../lib/visibility.ts";
import { deliveries } from "../state/alerts.ts";
import { PollerLoading } from "./poller-status.tsx";

const WORDS: Record<Delivery["status"], string> = {
  success: "Delivered",
  failed: "Failed",
  pending: "Waiting",
};

export function Deliveries({ alert }: { alert: Alert }): JSX.Element {
  const list = deliveries.data.value;
  return (
    <section>
      <h3>Deliveries</h3>
      {list === null ? (
        <PollerLoading of={deliveries} label="Loading the deliveries" />
      ) : list.length === 0 ? (
        <p class="empty">
          {alert.is_active
            ? "None yet: the alert is still waiting for its price."
            : "The first attempt is about to be made."}
        </p>
      ) : (
        <ol class="attempts">
          {list.map((attempt) => (
            <Attempt key={`${attempt.id}/${attempt.attempt}`} attempt={attempt} />
          ))}
        </ol>
      )}
    </section>
  );
}

function Attempt({ attempt }: { attempt: Delivery }): JSX.Element {
  const due = attempt.next_attempt_at ? Date.parse(attempt.next_attempt_at) - now.value : null;
  return (
    <li class={attempt.status}>
      <p class="attempt-head">
        <span class={`outcome ${attempt.status}`}>{WORDS[attempt.status]}</span>
        {attempt.attempt > 0 && <span>Attempt {attempt.attempt}</span>}
        {isKnown(attempt.response_code) && <span class="code">HTTP {attempt.response_code}</span>}
        {isKnown(attempt.latency_ms) && <span>{milliseconds(attempt.latency_ms)}</span>}
        <span class="when">{dateTime(attempt.dispatched_at)}</span>
      </p>
      {attempt.error_msg && <p class="error">{attempt.error_msg}</p>}
      {attempt.response_excerpt && <p class="excerpt">{attempt.response_excerpt}</p>}
      {due !== null && <p class="hint">{due > 0 ? `Next attempt in ${duration(due)}` : "Next attempt is due"}</p>}
    </li>
  );
}
