import type { JSX } from "preact";

const WIDTH = 60;
const HEIGHT = 28;

/** The closes of the last day. Hidden from screen readers, which get the change beside it. */
export function Sparkline({ values }: { values: number[] | undefined }): JSX.Element {
  return (
    <svg class="sparkline" width={WIDTH} height={HEIGHT} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
      {values && values.length > 1 && (
        <path d={path(values)} class={(values.at(-1) ?? 0) >= (values[0] ?? 0) ? "up" : "down"} />
      )}
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
