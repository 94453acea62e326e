/** Risk levels in words. */
import type { Monitor, MonitorCheck, RiskCheck, RiskLevel } from "../api/types.ts";
import { isKnown, percent, ratio } from "./format.ts";

/** The share of a threshold below which a value must fall before it leaves the level (see docs/methodology.md). */
const RELEASE_SHARE = 0.9;

/** A value and a threshold of each check, as parts of a sentence. */
const SENTENCES: Record<RiskCheck, { value: (v: number) => string; threshold: (v: number) => string }> = {
  price_drop: {
    value: (v) => `The price is ${percent(v, 1)} below that of 24 hours ago`,
    threshold: (v) => percent(v, Number.isInteger(v) ? 0 : 1),
  },
  volatility_spike: {
    value: (v) => `The volatility of the last hour is ${ratio(v)} times its median of 7 days`,
    threshold: (v) => `${ratio(v)} times`,
  },
  drawdown: {
    value: (v) => `The price is ${percent(v, 1)} below the highest of 30 days`,
    threshold: (v) => percent(v, Number.isInteger(v) ? 0 : 1),
  },
};

/** Why an asset has its level: one sentence for each check that has it. */
export function explainLevel(monitor: Monitor): string {
  if (monitor.level == null) return "No check has enough history yet.";
  if (monitor.level === "OK") return "Every check is below its Warning threshold.";
  return monitor.checks
    .filter(({ level, value }) => level === monitor.level && isKnown(value))
    .map(explainCheck)
    .join(" ");
}

function explainCheck({ name, level, value, warning, alert }: MonitorCheck): string {
  const { value: describe, threshold: show } = SENTENCES[name];
  const threshold = level === "Alert" ? alert : warning;
  const begin = `${describe(value ?? 0)}; ${level} begins at ${show(threshold)}`;
  if ((value ?? 0) >= threshold) return `${begin}.`;
  return `${begin}, and it must stay below ${show(threshold * RELEASE_SHARE)} for ten minutes before that ends.`;
}

export interface LevelChange {
  symbol: string;
  from: RiskLevel;
  to: RiskLevel;
}

/** Changes between two responses. An asset without a level before is new, not changed. */
export function levelChanges(before: readonly Monitor[], after: readonly Monitor[]): LevelChange[] {
  const known = new Map(before.map(({ symbol, level }) => [symbol, level]));
  return after.flatMap(({ symbol, level: to }) => {
    const from = known.get(symbol);
    return from != null && to != null && from !== to ? [{ symbol, from, to }] : [];
  });
}

const MAX_NAMED = 3;

/** One message for all changes: in a crash most assets change at once. `null` without a change. */
export function describeChanges(changes: readonly LevelChange[]): string | null {
  if (changes.length === 0) return null;
  const named = changes.slice(0, MAX_NAMED).map(({ symbol, from, to }) => `${symbol}: ${from} → ${to}`);
  const rest = changes.length - named.length;
  return `Risk of ${named.join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}
