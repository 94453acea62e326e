import assert from "node:assert/strict";
import { test } from "node:test";
import { backoff } from "./backoff.ts";

test("the wait doubles, is bounded, and is never less than half of its ceiling", () => {
  assert.equal(backoff(1, 1), 1_000);
  assert.equal(backoff(2, 1), 2_000);
  assert.equal(backoff(3, 0), 2_000);
  assert.equal(backoff(40, 1), 30_000);
  assert.equal(backoff(40, 0), 15_000);
});
