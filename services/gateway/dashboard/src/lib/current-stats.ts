import type { Maybe, Quote, Stats } from "../api/types.ts";
import { isKnown } from "./format.ts";

/**
 * The statistics with the newest price as their last point. Those of the API end with the last closed candle, up to
 * an hour ago, so after a crash their low would be above the price that is shown beside them. Means and ratios of
 * many returns are left as they are: one point hardly changes them.
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

/** For 24 hours it is the quote's own change, which is shown beside the price. */
function changeOf(window: string, first: Maybe, quote: Pick<Quote, "price" | "change_24h">): number | null {
  const { price, change_24h } = quote;
  if (window === "24h" && isKnown(change_24h)) return change_24h;
  return isKnown(first) && first > 0 ? (price / first - 1) * 100 : null;
}
