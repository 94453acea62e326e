/** The numbers of one asset over one window, for the tiles of an asset and for the comparison of two. */
import type { Quote, Stats } from "../api/types.ts";
import { Delta } from "../components/delta.tsx";
import type { TileProps } from "../components/tile.tsx";
import type { ChartCandle } from "../lib/candles.ts";
import { DASH, fraction, money, price, ratio } from "../i18n/format.ts";
import { t } from "../i18n/language.ts";
import { nameOf } from "../i18n/slug.ts";
import { isKnown } from "../lib/numbers.ts";
import { changePercent, windowStats } from "../lib/window-stats.ts";
import type { Range } from "../state/selection.ts";

export interface AssetNumbers {
  range: Range;
  quote: Quote | null;
  /** Those of the chart, the last one with the live price. */
  candles: ChartCandle[];
  stats: Stats | null;
}

/** What belongs to the live price: from the same candles as the chart, so that both show the same numbers. */
export function liveTiles({ range, quote, candles, stats }: AssetNumbers): TileProps[] {
  const window = windowStats(candles);
  const change = quote && changePercent(range, stats?.first ?? candles[0]?.open, quote);
  const { numbers } = t.value;
  return [
    { ...numbers.change, value: <Delta value={change} /> },
    { ...numbers.high, value: price(window?.high) },
    { ...numbers.low, value: price(window?.low) },
    { ...numbers.drawdown, value: fraction(window?.drawdown) },
    { ...numbers.maxDrawdown, value: fraction(window?.maxDrawdown) },
    { ...numbers.volume, value: money(quote?.volume_24h) },
  ];
}

type NumberField = {
  [F in keyof Stats]-?: NonNullable<Stats[F]> extends number ? F : never;
}[keyof Stats];

/** What is made of many returns and ends with the last closed candle. Falls and losses are negative everywhere. */
export function returnTiles({ stats }: AssetNumbers): TileProps[] {
  const { candleLengths, notKnownYet, numbers } = t.value;
  const tile = (
    words: { label: string; about: string },
    field: NumberField,
    show: (v: number) => string,
  ): TileProps => {
    const value = stats?.[field];
    if (isKnown(value)) return { ...words, value: show(value) };
    const why = stats?.undefined[field];
    const reason = why ? numbers.undefined(nameOf(numbers.undefinedReasons, why)) : notKnownYet;
    return { ...words, value: DASH, reason };
  };
  const candle = candleLengths[stats?.interval ?? "1h"];
  const ofCandle = ({ label, about }: typeof numbers.valueAtRisk): { label: string; about: string } => ({
    label: label(candle),
    about,
  });
  const error = stats?.standard_errors["sharpe_ratio"];
  return [
    tile(numbers.average, "average_price", (v) => price(v)),
    tile(numbers.volatility, "annualized_volatility", (v) => fraction(v, 1)),
    tile(numbers.sharpe, "sharpe_ratio", (v) => (isKnown(error) ? `${ratio(v)} ± ${ratio(error)}` : ratio(v))),
    tile(numbers.sortino, "sortino_ratio", (v) => ratio(v)),
    tile(ofCandle(numbers.valueAtRisk), "var_95", (v) => fraction(-v)),
    tile(ofCandle(numbers.expectedShortfall), "cvar_95", (v) => fraction(-v)),
  ];
}
