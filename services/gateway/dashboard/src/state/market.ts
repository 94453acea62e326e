import { computed, effect, untracked } from "@preact/signals";
import { rateBudget } from "../api/client.ts";
import * as api from "../api/routes.ts";
import type { Health, Monitor, Quote } from "../api/types.ts";
import { price } from "../i18n/format.ts";
import { t } from "../i18n/language.ts";
import { describeChanges } from "../i18n/risk-level.ts";
import { Poller } from "../lib/poller.ts";
import { byRank } from "../lib/assets.ts";
import { levelChanges } from "../lib/risk-level.ts";
import { now } from "../lib/visibility.ts";
import { onSignOut, signedIn } from "./session.ts";
import { ticker } from "./selection.ts";
import { showToast } from "./toasts.ts";

/** Age from which prices are shown as stale. */
const STALE_MS = 30_000;
const SPARKLINE_INTERVAL_MS = 600_000;

const whenSignedIn = (name: string) => (): string | null => (signedIn.value ? name : null);

export const quotes = new Poller<Quote[]>({
  topic: "quotes",
  key: whenSignedIn("quotes"),
  load: async (_, signal) => (await api.quotes(signal)).sort(byRank),
  intervalMs: 2_500,
  policy: "market",
});

export const monitors = new Poller<Monitor[]>({
  topic: "monitors",
  key: whenSignedIn("monitors"),
  load: (_, signal) => api.monitors(signal),
  intervalMs: 15_000,
  policy: "analytics",
});

export const health = new Poller<Health>({
  topic: "health",
  key: () => "health",
  load: (_, signal) => api.health(signal),
  intervalMs: 15_000,
  policy: "none",
});

export const tickers = computed(() => (quotes.data.value ?? []).map((quote) => quote.ticker).join(","));

export const selectedQuote = computed(() => quotes.data.value?.find((quote) => quote.ticker === ticker.value) ?? null);

export const monitorOf = (symbol: string): Monitor | null =>
  monitors.data.value?.find((monitor) => monitor.symbol === symbol) ?? null;

export const simulated = computed(
  () =>
    health.data.value?.checks.prices?.simulated === true ||
    (quotes.data.value ?? []).some((quote) => quote.flags.includes("simulated")),
);

/** The newest price's age: the one it had in the response plus the time since. */
export const dataAge = computed<number | null>(() => {
  const list = quotes.data.value;
  if (!list?.length) return null;
  const youngest = Math.min(...list.map((quote) => quote.age_ms));
  return youngest + Math.max(0, now.value - quotes.receivedAt.value);
});

export type Connection = "connecting" | "live" | "stale" | "reconnecting";

export const connection = computed<Connection>(() => {
  const error = quotes.error.value;
  if (quotes.failures.value > 0 && error?.isOutage) return "reconnecting";
  const age = dataAge.value;
  if (age === null) return "connecting";
  return age > STALE_MS ? "stale" : "live";
});

/** The closes of the last day by ticker: one request per asset, sequentially and within the polling reserve. */
const sparklineLoader = new Poller<Record<string, number[]>>({
  topic: "sparklines",
  key: () => (signedIn.value && tickers.value ? tickers.value : null),
  load: async (wanted, abort, report) => {
    const closes: Record<string, number[]> = {};
    for (const symbol of wanted.split(",")) {
      const wait = rateBudget.waitFor("market", rateBudget.reserve("market") + 1);
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      if (abort.aborted) return closes;
      closes[symbol] = (await api.candles(symbol, "1h", 25, abort)).map((candle) => candle.c);
      report({ ...closes });
    }
    return closes;
  },
  intervalMs: SPARKLINE_INTERVAL_MS,
  policy: "market",
});

export const sparklines = computed(() => sparklineLoader.data.value ?? {});

onSignOut(() => {
  for (const poller of [quotes, monitors, sparklineLoader]) poller.clear();
  rateBudget.reset();
});

/** Shows a toast, which screen readers announce, when a level has changed since the last response. */
function announceLevels(): void {
  let before: Monitor[] = [];
  effect(() => {
    const after = monitors.data.value ?? [];
    const changes = levelChanges(before, after);
    before = after;
    if (changes.length > 0) untracked(() => showToast(() => describeChanges(changes)));
  });
}

/** Starts the pollers that all views share. */
export function startMarket(): void {
  for (const poller of [quotes, monitors, health, sparklineLoader]) poller.start();
  announceLevels();
  effect(() => {
    const quote = selectedQuote.value;
    const { appName } = t.value;
    document.title = quote ? `${quote.ticker} ${price(quote.price)} · ${appName}` : appName;
  });
  effect(() => {
    const list = quotes.data.value;
    const first = list?.[0]?.ticker;
    if (!first) return;
    untracked(() => {
      if (!list.some((quote) => quote.ticker === ticker.value)) ticker.value = first;
    });
  });
}
