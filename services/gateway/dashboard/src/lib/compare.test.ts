import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChartCandle } from "./candles.ts";
import { rebase } from "./compare.ts";

const closes = (...values: [number, number][]): ChartCandle[] =>
  values.map(([time, close]) => ({ time, open: close, high: close, low: close, close }));

test("both assets are 100 at the first time that both have", () => {
  const [one, other] = rebase(closes([0, 5], [60, 10], [120, 20]), closes([60, 400], [120, 200], [180, 100]));
  assert.deepEqual(
    one,
    new Map([
      [0, 50],
      [60, 100],
      [120, 200],
    ]),
  );
  assert.deepEqual(
    other,
    new Map([
      [60, 100],
      [120, 50],
      [180, 25],
    ]),
  );
});

test("nothing is compared without a common time, or from a price of zero", () => {
  assert.deepEqual(rebase(closes([0, 5]), closes([60, 4])), [new Map(), new Map()]);
  assert.deepEqual(rebase(closes([0, 0], [60, 2]), closes([0, 1], [60, 4])), [
    new Map([
      [0, 0],
      [60, 100],
    ]),
    new Map([
      [0, 25],
      [60, 100],
    ]),
  ]);
});
