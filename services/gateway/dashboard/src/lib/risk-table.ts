/** The risk of all assets as rows of one table. */
import type { Monitor, RiskCheck, RiskLevel } from "../api/types.ts";
import { isKnown } from "./numbers.ts";

export interface RiskRow {
  symbol: string;
  level: RiskLevel | null;
  since: string | null;
  /** Falls are negative, as everywhere on the page. */
  price_drop: number | null;
  volatility_spike: number | null;
  drawdown: number | null;
}

export type Column = Exclude<keyof RiskRow, "since">;

const SEVERITY: Record<RiskLevel, number> = { OK: 0, Warning: 1, Alert: 2 };

export function riskRows(monitors: readonly Monitor[]): RiskRow[] {
  return monitors.map(({ symbol, level, since, checks }) => {
    const value = (name: RiskCheck, sign: 1 | -1): number | null => {
      const found = checks.find((check) => check.name === name)?.value;
      return isKnown(found) ? found * sign : null;
    };
    return {
      symbol,
      level: level ?? null,
      since: since ?? null,
      price_drop: value("price_drop", -1),
      volatility_spike: value("volatility_spike", 1),
      drawdown: value("drawdown", -1),
    };
  });
}

/** Rows without a value come last in both directions. */
export function sortRows(rows: readonly RiskRow[], by: Column, isDescending: boolean): RiskRow[] {
  const keyOf = (row: RiskRow): number | string | null => (by === "level" ? row.level && SEVERITY[row.level] : row[by]);
  return [...rows].sort((a, b) => {
    const [one, other] = [keyOf(a), keyOf(b)];
    if (one === null || other === null) return Number(one === null) - Number(other === null);
    const order = one < other ? -1 : one > other ? 1 : 0;
    return isDescending ? -order : order;
  });
}
