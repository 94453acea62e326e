import type { ChartCandle } from "../lib/candles.ts";
import { clock, day, price } from "./format.ts";
import { t } from "./language.ts";

/** "21 Nov, 04:00 · open $1.00 · high $2.00 · low $1.00 · close $2.00". */
export function readingOf({ time, open, high, low, close }: ChartCandle): string {
  const at = `${day(time * 1000)}, ${clock(time * 1000)}`;
  return t.value.charts.reading(at, price(open), price(high), price(low), price(close));
}
