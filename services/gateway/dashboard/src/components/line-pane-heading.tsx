import type { Signal } from "@preact/signals";
import type { JSX } from "preact";
import type { ApiError } from "../api/errors.ts";
import type { TimeRange } from "../lib/candles.ts";
import type { Line } from "../charts/line-data.ts";
import { LINE_HEIGHT, lineTop } from "../charts/panes.ts";
import { fraction } from "../i18n/format.ts";
import { t } from "../i18n/language.ts";
import { problemText } from "../i18n/problem.ts";
import { isKnown } from "../lib/numbers.ts";
import { ServerWords } from "./server-words.tsx";

interface Props {
  /** Position among the line panes. */
  index: number;
  title: string;
  line: Line;
  range: TimeRange | null;
  isLoaded: boolean;
  /** Why the line is missing. */
  error: ApiError | null;
  /** When it is tried again. */
  retry: string;
  onRetry: () => void;
  crosshair: Signal<number | null>;
}

/** Positioned over a pane of the chart: its title, and the value under the crosshair, by default the newest. */
export function LinePaneHeading({
  index,
  title,
  line,
  range,
  isLoaded,
  error,
  retry,
  onRetry,
  crosshair,
}: Props): JSX.Element {
  const shown = [...line].filter(([time]) => range !== null && time >= range.first);
  const newest = shown.findLast(([, value]) => isKnown(value))?.[0];
  const value = line.get(crosshair.value ?? newest ?? NaN);
  return (
    <div class="line-pane" style={{ top: `${lineTop(index)}px`, height: `${LINE_HEIGHT}px` }}>
      <h3>
        {title}
        <span class="readout">{fraction(value)}</span>
      </h3>
      {newest === undefined && error && (
        <p class="pane-problem" role="status">
          <ServerWords {...problemText(error)} /> {retry}{" "}
          <button type="button" class="link" onClick={onRetry}>
            {t.value.actions.tryNow}
          </button>
        </p>
      )}
      {isLoaded && newest === undefined && <p class="empty">{t.value.charts.tooShort}</p>}
    </div>
  );
}
