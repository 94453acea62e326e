import assert from "node:assert/strict";
import { afterEach, mock, test } from "node:test";
import { debounce } from "./debounce.ts";

afterEach(() => mock.timers.reset());

test("several calls are one after a pause, and none after the end", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  let runs = 0;
  const search = debounce(() => (runs += 1), 100);
  search.call();
  mock.timers.tick(99);
  search.call();
  mock.timers.tick(99);
  assert.equal(runs, 0);
  mock.timers.tick(1);
  assert.equal(runs, 1);
  search.call();
  search.cancel();
  mock.timers.tick(100);
  assert.equal(runs, 1);
});
