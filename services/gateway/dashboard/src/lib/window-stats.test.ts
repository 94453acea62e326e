import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChartCandle } from "./candles.ts";
import { changePercent, drawdownLine, liveSparkline, windowStats } from "./window-stats.ts";

const candle = (time: number, low: number, high: number, close: number): ChartCandle => ({
  time,
  open: close,
  high,
  low,
  close,
});

/** A rise with a wick to 125, a fall, and the running candle with the live price. */
const candles = [candle(0, 95, 105, 100), candle(60, 100, 125, 120), candle(120, 70, 118, 75), candle(180, 74, 80, 80)];

test("high and low are those of the candles, wicks included", () => {
  const stats = windowStats(candles);
  assert.deepEqual([stats?.high, stats?.low], [125, 70]);
});

test("drawdown now is the distance of the live price below the high that is shown", () => {
  const stats = windowStats(candles);
  assert.equal(stats?.drawdown, 80 / 125 - 1);
  assert.equal(stats?.maxDrawdown, 75 / 125 - 1);
});

test("tiles and the drawdown chart have the same numbers", () => {
  const line = [...drawdownLine(candles).values()];
  const stats = windowStats(candles);
  assert.equal(line.at(-1), stats?.drawdown);
  assert.equal(Math.min(...line), stats?.maxDrawdown);
  assert.ok(line.every((value) => value <= 0));
});

test("window without candles has no numbers", () => assert.equal(windowStats([]), null));

test("change is that of the live price, and over a day the one beside it", () => {
  assert.equal(changePercent("30d", 100, { price: 75, change_24h: -36 }), -25);
  assert.equal(changePercent("24h", 100, { price: 75, change_24h: -36 }), -36);
  assert.equal(changePercent("24h", 100, { price: 75, change_24h: null }), -25);
  assert.equal(changePercent("30d", null, { price: 75, change_24h: -36 }), null);
  assert.equal(changePercent("30d", 0, { price: 75, change_24h: -36 }), null);
});

test("sparkline ends with the live price", () => {
  assert.deepEqual(liveSparkline([1, 2, 3], 9), [1, 2, 9]);
  assert.deepEqual(liveSparkline(undefined, 9), []);
});
