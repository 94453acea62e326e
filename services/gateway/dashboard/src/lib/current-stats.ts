import type { Maybe, Quote, Stats } from "../api/types.ts";
import { isKnown } from "./format.ts";

/**
 * The window's numbers with the newest price as their last point. The API's end with the last closed candle,
 * up to an hour ago; after a crash their low would be above the price that is shown beside them. The means
 * and the numbers made of many returns stay as they are: one point hardly moves them.
 */
export function currentStats(stats: Stats, quote: Pick<Quote, "price" | "change_24h">): Stats {
  const { price } = quote;
  const { first, max_price, min_price, max_drawdown, change_percent } = stats;
  if (!isKnown(price) || price <= 0 || !isKnown(max_price) || !isKnown(min_price)) return stats;
  const high = Math.max(max_price, price);
  const drawdown = price / high - 1;
  return {
    ...stats,
    last: price,
    max_price: high,
    min_price: Math.min(min_price, price),
    current_drawdown: drawdown,
    max_drawdown: isKnown(max_drawdown) ? Math.min(max_drawdown, drawdown) : null,
    change_percent: isKnown(change_percent) ? changeOf(stats.window, first, quote) : null,
  };
}

/** Over a day it is the change that is shown beside the price, whose 24 hours end now. */
function changeOf(window: string, first: Maybe, quote: Pick<Quote, "price" | "change_24h">): number | null {
  const { price, change_24h } = quote;
  if (window === "24h" && isKnown(change_24h)) return change_24h;
  return isKnown(first) && first > 0 ? (price / first - 1) * 100 : null;
}
