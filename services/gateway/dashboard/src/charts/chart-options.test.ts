import assert from "node:assert/strict";
import { before, test } from "node:test";
import { areaOptions, candlestickOptions, percentLabels, priceLabels } from "./chart-options.ts";

const COLORS: Record<string, string> = {
  "var(--page)": "rgb(255, 255, 255)",
  "var(--up)": "rgb(10, 122, 98)",
  "var(--down)": "rgb(191, 63, 18)",
  "var(--ink-2)": "rgb(69, 75, 87)",
  "var(--accent)": "rgb(47, 79, 216)",
};

before(() => {
  Object.assign(globalThis, {
    document: {
      createElement: () => ({ style: {}, remove: () => undefined }),
      body: { append: () => undefined },
    },
    getComputedStyle: ({ style }: { style: { color: string } }) => ({ color: COLORS[style.color] ?? "" }),
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
  assert.ok(priceLineColor && priceLineColor !== COLORS["var(--page)"]);
});

test("area fades from its line's color", () => {
  const { lineColor, topColor, bottomColor } = areaOptions();
  assert.deepEqual(
    [lineColor, topColor, bottomColor],
    ["rgb(47, 79, 216)", "rgba(47, 79, 216, 0.14)", "rgba(47, 79, 216, 0)"],
  );
});
