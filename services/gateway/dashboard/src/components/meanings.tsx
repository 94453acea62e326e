import type { JSX } from "preact";
import { t } from "../i18n/language.ts";
import type { TileProps } from "./tile.tsx";

/** The explanations of all numbers, and why one has no value, for readers without a pointer. */
export function Meanings({ entries }: { entries: Pick<TileProps, "label" | "about" | "reason">[] }): JSX.Element {
  return (
    <details class="meanings">
      <summary>{t.value.numbers.meanings}</summary>
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
