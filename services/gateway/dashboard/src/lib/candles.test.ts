import assert from "node:assert/strict";
import { test } from "node:test";
import type { Quote } from "../api/types.ts";
import { slotsOf, timeRangeOf, toLiveCandles } from "./candles.ts";

const candles = [
  { t: "2026-01-01T00:00:00.000Z", o: 10, h: 12, l: 9, c: 11, v: null, closed: true, backfilled: false },
  { t: "2026-01-01T01:00:00.000Z", o: 11, h: 11, l: 11, c: 11, v: null, closed: false, backfilled: false },
];
const quoteAt = (as_of: string, price: number, quality: Quote["quality"] = "ok"): Quote =>
  ({ as_of, price, quality }) as Quote;

test("running candle follows the live price", () => {
  const shown = toLiveCandles(candles, quoteAt("2026-01-01T01:30:00.000Z", 13), 3_600);
  assert.deepEqual(shown.at(-1), { time: 1767229200, open: 11, high: 13, low: 11, close: 13 });
});

test("live price begins the candle that the last response does not have yet", () => {
  const shown = toLiveCandles(candles, quoteAt("2026-01-01T02:00:07.000Z", 7), 3_600);
  assert.deepEqual(shown.at(-1), { time: 1767232800, open: 7, high: 7, low: 7, close: 7 });
  assert.equal(shown.length, 3);
});

test("price that is older than the last candle, or stale, changes nothing", () => {
  for (const quote of [quoteAt("2026-01-01T00:59:00.000Z", 13), quoteAt("2026-01-01T01:30:00.000Z", 13, "stale"), null])
    assert.deepEqual(
      toLiveCandles(candles, quote, 3_600).map(({ close }) => close),
      [11, 11],
    );
});

test("time range spans the first to the last candle", () => {
  assert.deepEqual(timeRangeOf(toLiveCandles(candles, null, 3_600), 3_600), {
    first: 1767225600,
    last: 1767229200,
    step: 3_600,
  });
  assert.equal(timeRangeOf([], 60), null);
});

test("slots include the times without a candle", () => {
  assert.deepEqual(slotsOf({ first: 0, last: 180, step: 60 }), [0, 60, 120, 180]);
  assert.deepEqual(slotsOf(null), []);
});
