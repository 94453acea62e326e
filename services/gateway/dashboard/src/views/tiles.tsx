/** The numbers of one asset over one window, for the tiles of an asset and for the comparison of two. */
import type { Quote, Stats } from "../api/types.ts";
import { Delta } from "../components/delta.tsx";
import type { TileProps } from "../components/tile.tsx";
import type { ChartCandle } from "../lib/candles.ts";
import { DASH, fraction, humanize, isKnown, money, price, ratio } from "../lib/format.ts";
import { changePercent, windowStats } from "../lib/window-stats.ts";
import type { Range } from "../state/selection.ts";

export interface AssetNumbers {
  range: Range;
  quote: Quote | null;
  /** Those of the chart, the last one with the live price. */
  candles: ChartCandle[];
  stats: Stats | null;
}

export const CONFIDENCE = {
  label: "± beside the price",
  about:
    "Confidence: half of the providers' weight lies within this distance of the price, in USD and in basis points.",
};

/** What belongs to the live price: from the same candles as the chart, so that both show the same numbers. */
export function liveTiles({ range, quote, candles, stats }: AssetNumbers): TileProps[] {
  const window = windowStats(candles);
  const change = quote && changePercent(range, stats?.first ?? candles[0]?.open, quote);
  return [
    { label: "Change", about: "Live price against the first of the window.", value: <Delta value={change} /> },
    { label: "High", about: "Highest price of the window's candles.", value: price(window?.high) },
    { label: "Low", about: "Lowest price of the window's candles.", value: price(window?.low) },
    {
      label: "Drawdown now",
      about: "Distance of the live price below the highest price of the window.",
      value: fraction(window?.drawdown),
    },
    {
      label: "Max drawdown",
      about: "Deepest fall below the highest price until then: the lowest point of the drawdown chart.",
      value: fraction(window?.maxDrawdown),
    },
    {
      label: "Volume, 24 h",
      about: "Traded in 24 hours, as reported by the provider that covers most of the market.",
      value: money(quote?.volume_24h),
    },
  ];
}

type NumberField = {
  [F in keyof Stats]-?: NonNullable<Stats[F]> extends number ? F : never;
}[keyof Stats];

/** What is made of many returns and ends with the last closed candle. Falls and losses are negative everywhere. */
export function returnTiles({ stats }: AssetNumbers): TileProps[] {
  const tile = (label: string, field: NumberField, about: string, show: (value: number) => string): TileProps => {
    const value = stats?.[field];
    if (isKnown(value)) return { label, about, value: show(value) };
    const why = stats?.undefined[field];
    return { label, about, value: DASH, reason: why ? `Not defined: ${humanize(why)}.` : "Not known yet." };
  };
  const candle = stats?.interval ?? "1h";
  const error = stats?.standard_errors["sharpe_ratio"];
  return [
    tile("Average", "average_price", "Mean of the candles' closing prices.", (v) => price(v)),
    tile(
      "Volatility",
      "annualized_volatility",
      "Standard deviation of all returns of the window, scaled to a year. The chart's is that of a shorter, rolling window.",
      (v) => fraction(v, 1),
    ),
    tile(
      "Sharpe",
      "sharpe_ratio",
      "Return per unit of volatility, annualised, risk-free rate 0. After ± is its standard error: a ratio that is smaller than twice that does not differ from 0.",
      (v) => (isKnown(error) ? `${ratio(v)} ± ${ratio(error)}` : ratio(v)),
    ),
    tile("Sortino", "sortino_ratio", "Return per unit of downside risk, annualised.", (v) => ratio(v)),
    tile(
      `VaR 95 %, ${candle}`,
      "var_95",
      "Value at risk: the return of one candle that 5 % of the candles fell below.",
      (v) => fraction(-v),
    ),
    tile(`CVaR 95 %, ${candle}`, "cvar_95", "Mean return of those worst 5 % of the candles.", (v) => fraction(-v)),
  ];
}
