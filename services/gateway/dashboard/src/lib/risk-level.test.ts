import assert from "node:assert/strict";
import { test } from "node:test";
import type { Monitor, RiskLevel } from "../api/types.ts";
import { levelChanges } from "./risk-level.ts";

const monitor = (symbol: string, level: RiskLevel | null): Monitor => ({
  symbol,
  level,
  since: "2026-01-01T00:00:00Z",
  as_of: "2026-01-01T00:01:00Z",
  checks: [],
});

test("only changes between known levels are announced", () => {
  const before = [monitor("BTC", "OK"), monitor("ETH", null), monitor("SOL", "Alert")];
  const after = [monitor("BTC", "Alert"), monitor("ETH", "Warning"), monitor("SOL", "OK"), monitor("XRP", "OK")];
  assert.deepEqual(levelChanges(before, after), [
    { symbol: "BTC", from: "OK", to: "Alert" },
    { symbol: "SOL", from: "Alert", to: "OK" },
  ]);
});
