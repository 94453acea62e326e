import assert from "node:assert/strict";
import { test } from "node:test";
import { backoff } from "./backoff.ts";

test("backoff doubles, is bounded, and is at least half of its ceiling", () => {
  assert.equal(backoff(1, 1), 1_000);
  assert.equal(backoff(2, 1), 2_000);
  assert.equal(backoff(3, 0), 2_000);
  assert.equal(backoff(40, 1), 30_000);
  assert.equal(backoff(40, 0), 15_000);
});
