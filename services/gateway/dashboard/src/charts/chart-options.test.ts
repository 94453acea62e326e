import assert from "node:assert/strict";
import { before, test } from "node:test";
import { candlestickOptions, percentLabels, priceLabels } from "./chart-options.ts";

const COLORS: Record<string, string> = {
  "--page": "#ffffff",
  "--up": "#0a7a62",
  "--down": "#bf3f12",
  "--ink-2": "#454b57",
};

before(() => {
  Object.assign(globalThis, {
    document: { documentElement: {} },
    getComputedStyle: () => ({ getPropertyValue: (name: string) => COLORS[name] ?? "" }),
  });
});

test("labels of an axis differ from one another", () => {
  const plain = (labels: string[]): string[] => labels.map((label) => label.replaceAll("\u202f", " "));
  assert.deepEqual(plain(percentLabels([0, -0.005, -0.01])), ["0.0 %", "−0.5 %", "−1.0 %"]);
  assert.deepEqual(plain(percentLabels([0, -0.05, -0.1])), ["0 %", "−5 %", "−10 %"]);
  assert.deepEqual(plain(percentLabels([0, 0.5, 1])), ["0 %", "50 %", "100 %"]);
  assert.deepEqual(plain(percentLabels([0, 0.0025, 0.005])), ["0.00 %", "0.25 %", "0.50 %"]);
  assert.deepEqual(priceLabels([100, 102.5, 105]), ["100.0", "102.5", "105.0"]);
  assert.deepEqual(priceLabels([100, 105]), ["100", "105"]);
});

test("line of the last price is visible across rising candles, whose body has the color of the page", () => {
  const { priceLineColor } = candlestickOptions();
  assert.ok(priceLineColor && priceLineColor !== COLORS["--page"]);
});
