/** Numbers of a window that end with the live price, unlike the API's statistics, which end with a closed candle. */
import type { Maybe, Quote } from "../api/types.ts";
import type { ChartCandle } from "./candles.ts";
import { isKnown } from "./numbers.ts";

export interface WindowStats {
  /** The highest and the lowest price of the candles. */
  high: number;
  low: number;
  /** The newest and the lowest value of `drawdownLine`. */
  drawdown: number;
  maxDrawdown: number;
}

/** Of candles whose last one ends with the live price. */
export function windowStats(candles: ChartCandle[]): WindowStats | null {
  const drawdowns = [...drawdownLine(candles).values()];
  const drawdown = drawdowns.at(-1);
  if (drawdown === undefined) return null;
  return {
    high: Math.max(...candles.map((candle) => candle.high)),
    low: Math.min(...candles.map((candle) => candle.low)),
    drawdown,
    maxDrawdown: Math.min(...drawdowns),
  };
}

/**
 * How far each candle's close is below the highest price so far, as a fraction that is not positive. The highest
 * price is that of the candles and not of their closes, so that the number fits the high that the chart shows, and
 * the drawdown of the risk checks, which have the same definition.
 */
export function drawdownLine(candles: ChartCandle[]): Map<number, number> {
  let high = 0;
  return new Map(
    candles.map(({ time, high: highest, close }) => {
      high = Math.max(high, highest);
      return [time, high > 0 ? close / high - 1 : 0];
    }),
  );
}

/** Change since the window's first price. Over 24 hours it is the quote's own, which is shown beside the price. */
export function changePercent(
  window: string,
  first: Maybe,
  { price, change_24h }: Pick<Quote, "price" | "change_24h">,
): number | null {
  if (window === "24h" && isKnown(change_24h)) return change_24h;
  return isKnown(first) && first > 0 ? (price / first - 1) * 100 : null;
}

/** The closes of the last day with the live price in place of the newest, which is up to ten minutes old. */
export function liveSparkline(closes: number[] | undefined, price: number): number[] {
  return closes?.length ? [...closes.slice(0, -1), price] : [];
}
