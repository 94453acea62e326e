import assert from "node:assert/strict";
import { test } from "node:test";
import type { Monitor, RiskLevel } from "../api/types.ts";
import { riskRows, sortRows, type Column } from "./risk-table.ts";

const monitor = (symbol: string, level: RiskLevel | null, fall: number | null, drawdown: number): Monitor => ({
  symbol,
  level,
  since: "2026-01-01T00:00:00Z",
  as_of: "2026-01-01T00:00:00Z",
  checks: [
    { name: "price_drop", value: fall, warning: 5, alert: 10, level: "OK", reason: null },
    { name: "drawdown", value: drawdown, warning: 25, alert: 40, level: "OK", reason: null },
  ],
});

const rows = riskRows([
  monitor("BTC", "OK", 2, 5),
  monitor("ETH", "Alert", 12, 45),
  monitor("SOL", null, null, 1),
  monitor("XRP", "Warning", 4, 30),
]);
const sorted = (by: Column, isDescending: boolean): string[] =>
  sortRows(rows, by, isDescending).map(({ symbol }) => symbol);

test("falls are negative", () => assert.deepEqual([rows[0]?.price_drop, rows[0]?.drawdown], [-2, -5]));

test("rows are sorted by level and by value, unknown ones last in both directions", () => {
  assert.deepEqual(sorted("level", true), ["ETH", "XRP", "BTC", "SOL"]);
  assert.deepEqual(sorted("level", false), ["BTC", "XRP", "ETH", "SOL"]);
  assert.deepEqual(sorted("price_drop", false), ["ETH", "XRP", "BTC", "SOL"]);
  assert.deepEqual(sorted("drawdown", true), ["SOL", "BTC", "XRP", "ETH"]);
  assert.deepEqual(sorted("symbol", false), ["BTC", "ETH", "SOL", "XRP"]);
});
