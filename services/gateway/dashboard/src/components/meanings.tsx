import type { JSX } from "preact";
import type { TileProps } from "./tile.tsx";

/** The explanations of all numbers, and why one has no value, for readers without a pointer. */
export function Meanings({ entries }: { entries: Pick<TileProps, "label" | "about" | "reason">[] }): JSX.Element {
  return (
    <details class="meanings">
      <summary>What these numbers mean</summary>
      <dl>
        {entries.map(({ label, about, reason }) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>
              {about} {reason}
            </dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
