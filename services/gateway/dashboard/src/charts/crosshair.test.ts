import assert from "node:assert/strict";
import { test } from "node:test";
import { crosshairAfterKey } from "./crosshair.ts";

const range = { first: 0, last: 600, step: 60 };
const after = (key: string, time: number | null): number | null | undefined => crosshairAfterKey(key, time, range);

test("crosshair starts at the newest candle and moves by whole candles", () => {
  assert.equal(after("ArrowLeft", null), 600);
  assert.equal(after("ArrowLeft", 600), 540);
  assert.equal(after("ArrowRight", 540), 600);
  assert.equal(after("PageUp", 600), 0);
});

test("crosshair stays inside the range", () => {
  assert.equal(after("ArrowRight", 600), 600);
  assert.equal(after("ArrowLeft", 0), 0);
  assert.equal(after("Home", 300), 0);
  assert.equal(after("End", 300), 600);
});

test("Escape hides the crosshair and other keys leave it", () => {
  assert.equal(after("Escape", 300), null);
  assert.equal(after("Tab", 300), undefined);
});
