import assert from "node:assert/strict";
import { test } from "node:test";
import { Budget } from "./budget.ts";

test("the bucket empties and refills evenly over its window", () => {
  let now = 0;
  const budget = new Budget(() => now);
  for (let i = 0; i < 5; i++) budget.spend("alerts");
  assert.equal(budget.left("alerts"), 0);
  assert.equal(budget.waitFor("alerts", 1), 2_000);
  now = 2_000;
  assert.equal(budget.waitFor("alerts", 1), 0);
  now = 60_000;
  assert.equal(budget.left("alerts"), 5);
});

test("the server's headers correct the page's own count", () => {
  const budget = new Budget(() => 0);
  budget.learn("market", new Headers({ "RateLimit-Policy": '"market";q=1200;w=60', RateLimit: '"market";r=7;t=1' }));
  assert.equal(budget.left("market"), 7);
  assert.equal(budget.reserve("market"), 400);
});

test("what is not limited never waits", () => {
  const budget = new Budget(() => 0);
  for (let i = 0; i < 1000; i++) budget.spend("none");
  assert.equal(budget.waitFor("none", 1), 0);
});

test("what another tab was told lowers this one's count and never raises it", () => {
  const [one, other] = [new Budget(() => 0), new Budget(() => 0)];
  one.onLearn = (policy, level) => other.adopt(policy, level);
  const headers = (left: number): Headers =>
    new Headers({ "RateLimit-Policy": '"alerts";q=5;w=10', RateLimit: `"alerts";r=${left};t=1` });
  one.learn("alerts", headers(2));
  assert.equal(other.left("alerts"), 2);
  one.reset();
  one.learn("alerts", headers(4));
  assert.equal(other.left("alerts"), 2);
});
