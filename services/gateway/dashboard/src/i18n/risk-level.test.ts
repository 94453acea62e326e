import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import type { Monitor, RiskCheck, RiskLevel } from "../api/types.ts";
import { language } from "./language.ts";
import { describeChanges, explainLevel } from "./risk-level.ts";

afterEach(() => (language.value = "en"));

const monitor = (
  symbol: string,
  level: RiskLevel | null,
  checks: [RiskCheck, RiskLevel | null, number | null][],
): Monitor => ({
  symbol,
  level,
  since: "2026-01-01T00:00:00Z",
  as_of: "2026-01-01T00:01:00Z",
  checks: checks.map(([name, level, value]) => ({ name, level, value, warning: 25, alert: 40, reason: null })),
});

const text = (value: Monitor): string => explainLevel(value).replaceAll("\u202f", " ");

test("sentence names the check that the level comes from, its value and its threshold", () => {
  const drawdown = monitor("BTC", "Warning", [
    ["price_drop", "OK", 2],
    ["drawdown", "Warning", 26.04],
  ]);
  assert.equal(text(drawdown), "The price is 26.0 % below the highest of 30 days; Warning begins at 25 %.");
  const both = monitor("BTC", "Alert", [
    ["price_drop", "Alert", 45],
    ["drawdown", "Alert", 41],
  ]);
  assert.equal(
    text(both),
    "The price is 45.0 % below that of 24 hours ago; Alert begins at 40 %. The price is 41.0 % below the highest of 30 days; Alert begins at 40 %.",
  );
});

test("sentence says why a level stays although its value fell below the threshold", () => {
  const leaving = monitor("BTC", "Warning", [["drawdown", "Warning", 22]]);
  assert.match(text(leaving), /22\.0 % below .* it must stay below 22\.5 % for ten minutes/);
});

test("OK and unknown levels are explained too", () => {
  assert.equal(text(monitor("BTC", "OK", [["drawdown", "OK", 1]])), "Every check is below its Warning threshold.");
  assert.equal(text(monitor("BTC", null, [["drawdown", null, null]])), "No check has enough history yet.");
});

test("many changes at once are one message", () => {
  const change = (symbol: string) => ({ symbol, from: "OK", to: "Alert" }) as const;
  assert.equal(describeChanges([change("BTC")]), "Risk of BTC: OK → Alert");
  assert.equal(
    describeChanges(["A", "B", "C", "D", "E"].map(change)),
    "Risk of A: OK → Alert, B: OK → Alert, C: OK → Alert and 2 more",
  );
});

test("levels are explained and announced in Russian", () => {
  language.value = "ru";
  const spike = monitor("BTC", "Warning", [["volatility_spike", "Warning", 26]]);
  assert.equal(
    text(spike),
    "Волатильность за последний час составляет 26,00 медианы за 7 дней; уровень «Внимание» начинается с 25,00 медианы.",
  );
  assert.equal(describeChanges([{ symbol: "BTC", from: "OK", to: "Alert" }]), "Уровень риска: BTC: Норма → Тревога");
});
