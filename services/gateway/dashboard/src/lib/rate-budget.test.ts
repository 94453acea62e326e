import assert from "node:assert/strict";
import { test } from "node:test";
import { RateBudget } from "./rate-budget.ts";

test("bucket empties and refills evenly over its window", () => {
  let now = 0;
  const budget = new RateBudget(() => now);
  for (let i = 0; i < 5; i++) budget.spend("alerts");
  assert.equal(budget.remaining("alerts"), 0);
  assert.equal(budget.waitFor("alerts", 1), 2_000);
  now = 2_000;
  assert.equal(budget.waitFor("alerts", 1), 0);
  now = 60_000;
  assert.equal(budget.remaining("alerts"), 5);
});

test("response headers correct the page's own count", () => {
  const budget = new RateBudget(() => 0);
  budget.updateFromHeaders(
    "market",
    new Headers({ "RateLimit-Policy": '"market";q=1200;w=60', RateLimit: '"market";r=7;t=1' }),
  );
  assert.equal(budget.remaining("market"), 7);
  assert.equal(budget.reserve("market"), 400);
});

test("unlimited policy never waits", () => {
  const budget = new RateBudget(() => 0);
  for (let i = 0; i < 1000; i++) budget.spend("none");
  assert.equal(budget.waitFor("none", 1), 0);
});

test("level of another tab lowers this one's count and never raises it", () => {
  const [one, other] = [new RateBudget(() => 0), new RateBudget(() => 0)];
  one.onUpdate = (policy, level) => other.applyLevel(policy, level);
  const headers = (left: number): Headers =>
    new Headers({ "RateLimit-Policy": '"alerts";q=5;w=10', RateLimit: `"alerts";r=${left};t=1` });
  one.updateFromHeaders("alerts", headers(2));
  assert.equal(other.remaining("alerts"), 2);
  one.reset();
  one.updateFromHeaders("alerts", headers(4));
  assert.equal(other.remaining("alerts"), 2);
});
