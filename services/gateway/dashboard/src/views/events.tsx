import type { JSX } from "preact";
import type { AlertEvent } from "../api/types.ts";
import { eventWords } from "../i18n/alert-state.ts";
import { dateTime, price } from "../i18n/format.ts";
import { t } from "../i18n/language.ts";
import { events } from "../state/alerts.ts";

/** The alert's events, newest first. Renders nothing while there are none. */
export function Events(): JSX.Element | null {
  const list = events.data.value;
  if (!list?.length) return null;
  return (
    <section>
      <h3>{t.value.details.events}</h3>
      <ol class="events">
        {list.map((event) => (
          <Event key={event.id} event={event} />
        ))}
      </ol>
    </section>
  );
}

function Event({ event }: { event: AlertEvent }): JSX.Element {
  const { title, explanation } = eventWords(event);
  const failed = event.reason === "delivery_failed";
  return (
    <li>
      <p class="attempt-head">
        <span class={failed ? "outcome failed" : "outcome"}>{title}</span>
        {/* The price is that of the firing: it says nothing about the delivery. */}
        {!failed && <span>{price(event.value)}</span>}
        <span class="when">{dateTime(event.at)}</span>
      </p>
      <p class="hint">{explanation}</p>
    </li>
  );
}
