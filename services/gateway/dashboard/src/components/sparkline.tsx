import type { JSX } from "preact";
import type { Direction } from "../lib/numbers.ts";

const WIDTH = 52;
const HEIGHT = 28;

interface Props {
  values: number[];
  /** That of the change beside it, which is also what screen readers get: two directions would contradict. */
  direction: Direction;
}

/** The prices of the last day. */
export function Sparkline({ values, direction }: Props): JSX.Element {
  return (
    <svg class="sparkline" width={WIDTH} height={HEIGHT} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
      {values.length > 1 && <path d={path(values)} class={direction} />}
    </svg>
  );
}

function path(values: number[]): string {
  const low = Math.min(...values);
  const span = Math.max(...values) - low || 1;
  const step = (WIDTH - 2) / (values.length - 1);
  return values
    .map((value, i) => {
      const x = 1 + i * step;
      const y = 2 + (1 - (value - low) / span) * (HEIGHT - 4);
      return `${i === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
    })
    .join("");
}
