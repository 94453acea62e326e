/** A second asset that is compared with the selected one over the same window. */
import { computed, effect, signal, untracked } from "@preact/signals";
import * as api from "../api/routes.ts";
import type { Candle, Stats } from "../api/types.ts";
import { toLiveCandles } from "../lib/candles.ts";
import { Poller } from "../lib/poller.ts";
import { parseKey } from "./asset.ts";
import { quotes } from "./market.ts";
import { RANGES, range, ticker } from "./selection.ts";
import { onSignOut, signedIn } from "./session.ts";

export const compared = signal<string | null>(null);

const comparedKey = (): string | null =>
  signedIn.value && compared.value !== null ? `${compared.value}/${range.value}` : null;

export const comparedStats = new Poller<Stats>({
  topic: "compared-stats",
  key: comparedKey,
  load: (k, signal) => api.stats(...parseKey(k), signal),
  intervalMs: 60_000,
  policy: "analytics",
});

export const comparedCandles = new Poller<Candle[]>({
  topic: "compared-candles",
  key: comparedKey,
  load: (k, signal) => {
    const [symbol, name] = parseKey(k);
    return api.candles(symbol, RANGES[name].interval, RANGES[name].candleCount, signal);
  },
  intervalMs: 60_000,
  policy: "market",
});

export const comparedQuote = computed(
  () => quotes.data.value?.find((quote) => quote.ticker === compared.value) ?? null,
);

export const liveComparedCandles = computed(() => {
  const isCurrent = comparedCandles.dataKey.value === comparedKey();
  const loaded = (isCurrent && comparedCandles.data.value) || [];
  return toLiveCandles(loaded, comparedQuote.value, RANGES[range.value].stepSeconds);
});

onSignOut(() => {
  compared.value = null;
  for (const poller of [comparedStats, comparedCandles]) poller.clear();
});

export function startCompare(): void {
  for (const poller of [comparedStats, comparedCandles]) poller.start();
  // An asset is not compared with itself.
  effect(() => {
    if (ticker.value === compared.value) untracked(() => (compared.value = null));
  });
}
