import type { TimeRange } from "../lib/candles.ts";

const STEPS: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 };

/**
 * Where a key moves the crosshair that is at `time`: by whole candles, to an end, or away (`null`). `undefined` for a
 * key that does not move it.
 */
export function crosshairAfterKey(key: string, time: number | null, range: TimeRange): number | null | undefined {
  const { first, last, step } = range;
  if (key === "Escape") return null;
  if (key === "Home") return first;
  if (key === "End") return last;
  const by = STEPS[key];
  if (by === undefined) return undefined;
  // The first step to the left shows the newest candle.
  const from = time ?? last + (by < 0 ? step : 0);
  return Math.min(last, Math.max(first, from + by * step));
}
