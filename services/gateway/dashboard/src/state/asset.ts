/** Data of the selected asset and range, and the correlation of all assets. */
import { computed } from "@preact/signals";
import * as api from "../api/routes.ts";
import type { Candle, Correlation, Stats, Timeseries } from "../api/types.ts";
import { toLiveCandles } from "../lib/candles.ts";
import { Poller } from "../lib/poller.ts";
import { RANGES, ticker, range, type Range } from "./selection.ts";
import { onSignOut, signedIn } from "./session.ts";
import { selectedQuote, tickers } from "./market.ts";

const selectionKey = (): string | null =>
  signedIn.value && ticker.value !== null ? `${ticker.value}/${range.value}` : null;

export function parseKey(selection: string): [symbol: string, range: Range] {
  const [symbol = "", name = "30d"] = selection.split("/");
  return [symbol, name as Range];
}

export const stats = new Poller<Stats>({
  topic: "stats",
  key: selectionKey,
  load: (k, signal) => api.stats(...parseKey(k), signal),
  intervalMs: 30_000,
  policy: "analytics",
});

export const candles = new Poller<Candle[]>({
  topic: "candles",
  key: selectionKey,
  load: (k, signal) => {
    const [symbol, name] = parseKey(k);
    return api.candles(symbol, RANGES[name].interval, RANGES[name].candleCount, signal);
  },
  intervalMs: 60_000,
  policy: "market",
});

/** The candles of the charts, the last one with the live price; none while those of another selection are loaded. */
export const liveCandles = computed(() => {
  const isCurrent = candles.dataKey.value === selectionKey();
  return toLiveCandles((isCurrent && candles.data.value) || [], selectedQuote.value, RANGES[range.value].stepSeconds);
});

export const series = new Poller<Timeseries>({
  topic: "series",
  key: selectionKey,
  load: (k, signal) => {
    const [symbol, name] = parseKey(k);
    const { interval, stepSeconds, candleCount } = RANGES[name];
    const newest = Math.floor(Date.now() / 1000 / stepSeconds) * stepSeconds;
    const from = new Date((newest - (candleCount - 1) * stepSeconds) * 1000).toISOString();
    return api.timeseries(symbol, { from, interval, series: "rolling_volatility" }, signal);
  },
  intervalMs: 60_000,
  policy: "analytics",
});

/** More would be too small to read. */
export const MAX_CORRELATED = 12;
const correlated = computed(() => tickers.value.split(",").slice(0, MAX_CORRELATED).join(","));

export const correlation = new Poller<Correlation>({
  topic: "correlation",
  key: () => (signedIn.value && correlated.value.includes(",") ? `${correlated.value}/${range.value}` : null),
  load: (k, signal) => {
    const [symbols, name] = parseKey(k);
    return api.correlation(symbols.split(","), name, signal);
  },
  intervalMs: 300_000,
  policy: "analytics",
});

onSignOut(() => {
  for (const poller of [stats, candles, series, correlation]) poller.clear();
});

export function startAsset(): void {
  for (const poller of [stats, candles, series, correlation]) poller.start();
}
