/** What is known about the chosen asset over the chosen window, and the correlation of all. */
import { computed } from "@preact/signals";
import * as api from "../api/routes.ts";
import type { Candle, Correlation, Stats, Timeseries } from "../api/types.ts";
import { Live } from "../lib/live.ts";
import { RANGES, ticker, window_, type Window } from "./selection.ts";
import { hovered } from "../charts/frame.ts";
import { key, onSignOut } from "./session.ts";
import { tickers } from "./market.ts";

const chosen = (): string | null =>
  key.value !== null && ticker.value !== null ? `${ticker.value}/${window_.value}` : null;

function parts(chosenKey: string): [symbol: string, window: Window] {
  const [symbol = "", window = "30d"] = chosenKey.split("/");
  return [symbol, window as Window];
}

export const stats = new Live<Stats>({
  topic: "stats",
  key: chosen,
  load: (k, signal) => api.stats(...parts(k), signal),
  everyMs: 30_000,
  policy: "analytics",
});

export const candles = new Live<Candle[]>({
  topic: "candles",
  key: chosen,
  load: (k, signal) => {
    const [symbol, window] = parts(k);
    return api.candles(symbol, RANGES[window].interval, RANGES[window].bars, signal);
  },
  everyMs: 60_000,
  policy: "market",
});

export const series = new Live<Timeseries>({
  topic: "series",
  key: chosen,
  load: (k, signal) => {
    const [symbol, window] = parts(k);
    const { interval, stepSeconds, bars } = RANGES[window];
    const newest = Math.floor(Date.now() / 1000 / stepSeconds) * stepSeconds;
    const from = new Date((newest - (bars - 1) * stepSeconds) * 1000).toISOString();
    return api.timeseries(symbol, { from, interval, series: "drawdown,rolling_volatility" }, signal);
  },
  everyMs: 60_000,
  policy: "analytics",
});

/** All watched assets against each other; few enough that every number can be read. */
export const MOST_CORRELATED = 12;
const correlated = computed(() => tickers.value.split(",").slice(0, MOST_CORRELATED).join(","));

export const correlation = new Live<Correlation>({
  topic: "correlation",
  key: () => (key.value !== null && correlated.value.includes(",") ? correlated.value : null),
  load: (k, signal) => api.correlation(k.split(","), signal),
  everyMs: 300_000,
  policy: "analytics",
});

onSignOut(() => {
  hovered.value = null;
  for (const live of [stats, candles, series, correlation]) live.clear();
});

export function startAsset(): void {
  for (const live of [stats, candles, series, correlation]) live.start();
}
