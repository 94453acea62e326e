import assert from "node:assert/strict";
import { test } from "node:test";
import { direction } from "./numbers.ts";

test("change that would be shown as zero has no direction", () => {
  assert.equal(direction(0.001), "flat");
  assert.equal(direction(-2), "down");
  assert.equal(direction(2), "up");
  assert.equal(direction(null), "flat");
});
