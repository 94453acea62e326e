import { useComputed } from "@preact/signals";
import type { JSX } from "preact";
import { t } from "../i18n/language.ts";
import { timeZone } from "../i18n/time-zone.ts";
import { now } from "../lib/visibility.ts";

/** Which time zone the times above it are in, for readers who travel or work with others elsewhere. */
export function TimeZone(): JSX.Element {
  const zone = useComputed(() => timeZone(now.value));
  return <p class="hint time-zone">{t.value.times(zone.value)}</p>;
}
