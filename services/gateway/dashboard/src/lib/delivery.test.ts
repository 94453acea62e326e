import assert from "node:assert/strict";
import { test } from "node:test";
import type { Delivery } from "../api/types.ts";
import { hasNextAttempt } from "./delivery.ts";

test("only the newest attempt of a delivery that goes on has a next one", () => {
  const first: Delivery = { id: "d1", endpoint_id: "e1", attempt: 1, status: "failed" };
  const second: Delivery = { ...first, attempt: 2 };
  assert.equal(hasNextAttempt(second, [second, first], false), true);
  assert.equal(hasNextAttempt(first, [second, first], false), false);
  assert.equal(hasNextAttempt(second, [second, first], true), false);
});
