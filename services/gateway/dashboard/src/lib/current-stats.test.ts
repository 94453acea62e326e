import assert from "node:assert/strict";
import { test } from "node:test";
import type { Stats } from "../api/types.ts";
import { currentStats } from "./current-stats.ts";

const stats = {
  window: "30d",
  first: 100,
  last: 118,
  average_price: 110,
  max_price: 125,
  min_price: 95,
  change_percent: 18,
  max_drawdown: -0.2,
  current_drawdown: -0.056,
  undefined: {},
} as Stats;

test("low, drawdown and change after a crash are those of the shown price", () => {
  const now = currentStats(stats, { price: 75, change_24h: -36 });
  assert.equal(now.min_price, 75);
  assert.equal(now.max_price, 125);
  assert.equal(now.change_percent, -25);
  assert.equal(now.current_drawdown, -0.4);
  assert.equal(now.max_drawdown, -0.4);
  assert.equal(now.average_price, 110);
});

test("new high ends the drawdown", () => {
  const now = currentStats(stats, { price: 150, change_24h: 20 });
  assert.deepEqual([now.max_price, now.min_price, now.current_drawdown], [150, 95, 0]);
  assert.equal(now.max_drawdown, -0.2);
});

test("change over a day is the one beside the price", () => {
  const day = { ...stats, window: "24h" };
  assert.equal(currentStats(day, { price: 75, change_24h: -36 }).change_percent, -36);
  assert.equal(currentStats(day, { price: 75, change_24h: null }).change_percent, -25);
});

test("undefined statistics stay undefined", () => {
  const empty = { ...stats, first: null, max_price: null, min_price: null, change_percent: null };
  assert.equal(currentStats(empty, { price: 75, change_24h: -1 }), empty);
  const single = { ...stats, change_percent: null };
  assert.equal(currentStats(single, { price: 75, change_24h: -1 }).change_percent, null);
});
