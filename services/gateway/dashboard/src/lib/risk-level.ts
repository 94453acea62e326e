import type { Monitor, RiskLevel } from "../api/types.ts";

/** The share of a threshold below which a value must fall before it leaves the level (see docs/methodology.md). */
export const RELEASE_SHARE = 0.9;

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
