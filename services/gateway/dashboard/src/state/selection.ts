import { effect, signal } from "@preact/signals";
import type { Interval } from "../api/types.ts";
import { onSignOut } from "./session.ts";

export type Window = "24h" | "7d" | "30d" | "90d";

interface Range {
  label: string;
  words: string;
  /** The bars of the charts: enough to show shape, few enough to be read. */
  interval: Interval;
  stepSeconds: number;
  bars: number;
}

export const RANGES: Record<Window, Range> = {
  "24h": { label: "24h", words: "24 hours", interval: "15m", stepSeconds: 900, bars: 96 },
  "7d": { label: "7d", words: "7 days", interval: "1h", stepSeconds: 3_600, bars: 168 },
  "30d": { label: "30d", words: "30 days", interval: "4h", stepSeconds: 14_400, bars: 180 },
  "90d": { label: "90d", words: "90 days", interval: "12h", stepSeconds: 43_200, bars: 180 },
};

export const WINDOWS = Object.keys(RANGES) as Window[];

export type Tab = "markets" | "asset" | "alerts";

export const ticker = signal<string | null>(null);
export const window_ = signal<Window>("30d");
/** Which part a narrow screen shows; wide screens show all. */
export const tab = signal<Tab>("markets");

onSignOut(() => {
  ticker.value = null;
  window_.value = "30d";
  tab.value = "markets";
  history.replaceState(null, "", location.pathname + location.search);
});

/** Keeps the selection in the address, so that a reload or a shared link opens the same view. */
export function followAddress(): void {
  const read = (): void => {
    const [asset, range] = location.hash.slice(1).split("/");
    if (asset && /^[A-Z0-9]{1,20}$/.test(asset)) ticker.value = asset;
    if (range && range in RANGES) window_.value = range as Window;
  };
  read();
  addEventListener("hashchange", read);
  effect(() => {
    if (ticker.value) history.replaceState(null, "", `#${ticker.value}/${window_.value}`);
  });
}
