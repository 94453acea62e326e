import type { Candle, Quote } from "../api/types.ts";

/** One candle with its opening time in unix seconds. */
export interface ChartCandle {
  time: number;
  open: number;
  high: number;
  low: number;
  close: number;
}

/** The times that a chart spans: its first and last candle, and the candles' length, all in seconds. */
export interface TimeRange {
  first: number;
  last: number;
  step: number;
}

/**
 * The last candle follows the live price until the API's next response. When a candle's time is over, the live price
 * begins the next one, so that the chart never ends with another price than the one at the head of the page.
 */
export function toLiveCandles(candles: Candle[], quote: Quote | null, step: number): ChartCandle[] {
  const result = candles.map((candle) => ({
    time: Date.parse(candle.t) / 1000,
    open: candle.o,
    high: candle.h,
    low: candle.l,
    close: candle.c,
  }));
  const last = result.at(-1);
  if (!last || !quote || quote.quality === "stale") return result;
  const { price } = quote;
  const slot = Math.floor(Date.parse(quote.as_of) / 1000 / step) * step;
  if (slot === last.time) {
    last.close = price;
    last.high = Math.max(last.high, price);
    last.low = Math.min(last.low, price);
  } else if (slot > last.time) {
    result.push({ time: slot, open: price, high: price, low: price, close: price });
  }
  return result;
}

export function timeRangeOf(candles: ChartCandle[], step: number): TimeRange | null {
  const first = candles[0];
  const last = candles.at(-1);
  return first && last ? { first: first.time, last: last.time, step } : null;
}

/** Every opening time of the range. Also those without a candle, so that one slot is the same time everywhere. */
export function slotsOf(range: TimeRange | null): number[] {
  if (!range) return [];
  const { first, last, step } = range;
  return Array.from({ length: Math.round((last - first) / step) + 1 }, (_, i) => first + i * step);
}
