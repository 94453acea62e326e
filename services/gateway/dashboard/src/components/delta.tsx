import type { JSX } from "preact";
import { signedPercent } from "../i18n/format.ts";
import { direction } from "../lib/numbers.ts";

const ARROW = { up: "▲", down: "▼", flat: "" } as const;

/** A change in percent. Its direction is in the sign and an arrow as well as in the color. */
export function Delta({ value, decimals = 2 }: { value: number | null | undefined; decimals?: number }): JSX.Element {
  const way = direction(value);
  return (
    <span class={`delta ${way}`}>
      {ARROW[way] && (
        <span class="arrow" aria-hidden="true">
          {ARROW[way]}
        </span>
      )}
      {signedPercent(value, decimals)}
    </span>
  );
}
