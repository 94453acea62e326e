import type { JSX } from "preact";
import { dateTime, price, sentence } from "../lib/format.ts";
import { events } from "../state/alerts.ts";

/** What happened to the alert, newest first; nothing at all while nothing did. */
export function Events(): JSX.Element | null {
  const list = events.data.value;
  if (!list?.length) return null;
  return (
    <section>
      <h3>Events</h3>
      <ol class="events">
        {list.map((event) => (
          <li key={event.id}>
            <p class="attempt-head">
              <span class="outcome">{sentence(event.to_state)}</span>
              <span>{price(event.value)}</span>
              <span class="when">{dateTime(event.at)}</span>
            </p>
            <p class="hint">
              {sentence(event.reason)}
              {event.late && ", found late"}
            </p>
          </li>
        ))}
      </ol>
    </section>
  );
}
