import type { Candle, Quote } from "../api/types.ts";
import type { TimeRange } from "./crosshair.ts";

/** One bar with its opening time in unix seconds. */
export interface ChartCandle {
  time: number;
  open: number;
  high: number;
  low: number;
  close: number;
}

/** The candles as bars, the newest moved along with the live price until the next answer. */
export function toChartCandles(candles: Candle[], quote: Quote | null, step: number): ChartCandle[] {
  const bars = candles.map((candle) => ({
    time: Date.parse(candle.t) / 1000,
    open: candle.o,
    high: candle.h,
    low: candle.l,
    close: candle.c,
  }));
  const last = bars.at(-1);
  if (!last || !quote || quote.quality === "stale") return bars;
  const at = Date.parse(quote.as_of) / 1000;
  if (at >= last.time && at < last.time + step) {
    last.close = quote.price;
    last.high = Math.max(last.high, quote.price);
    last.low = Math.min(last.low, quote.price);
  }
  return bars;
}

export function timeRangeOf(bars: ChartCandle[], step: number): TimeRange | null {
  const first = bars[0];
  const last = bars.at(-1);
  return first && last ? { first: first.time, last: last.time, step } : null;
}
