import { signal } from "@preact/signals";
import type { Interval } from "../api/types.ts";
import { onSignOut } from "./session.ts";

export type Range = "24h" | "7d" | "30d" | "90d";

interface RangeOptions {
  /** The candles of the charts: enough to show shape, few enough to be read. */
  interval: Interval;
  stepSeconds: number;
  candleCount: number;
}

export const RANGES: Record<Range, RangeOptions> = {
  "24h": {
    interval: "15m",
    stepSeconds: 900,
    candleCount: 96,
  },
  "7d": {
    interval: "1h",
    stepSeconds: 3_600,
    candleCount: 168,
  },
  "30d": {
    interval: "4h",
    stepSeconds: 14_400,
    candleCount: 180,
  },
  "90d": {
    interval: "12h",
    stepSeconds: 43_200,
    candleCount: 180,
  },
};

export const RANGE_NAMES = Object.keys(RANGES) as Range[];

export type Tab = "markets" | "asset" | "alerts";

/** What the page shows: the markets with their alerts, the account, or the administration. */
export type View = "markets" | "account" | "admin";
export const VIEWS: readonly View[] = ["markets", "account", "admin"];

export const ADMIN_SECTIONS = ["users", "limits", "blocks", "audit"] as const;
export type AdminSection = (typeof ADMIN_SECTIONS)[number];

export const view = signal<View>("markets");
export const adminSection = signal<AdminSection>("users");

export function showView(next: View): void {
  view.value = next;
  scrollTo({ top: 0 });
}

export const ticker = signal<string | null>(null);
export const range = signal<Range>("30d");
/** The part that a narrow screen shows; wide screens show all of them. */
export const tab = signal<Tab>("markets");

/** The alert whose details are open. */
export const openAlertId = signal<string | null>(null);

onSignOut(() => {
  ticker.value = null;
  range.value = "30d";
  tab.value = "markets";
  view.value = "markets";
  adminSection.value = "users";
  openAlertId.value = null;
});
