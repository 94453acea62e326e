import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { signal } from "@preact/signals";
import { ApiError } from "../api/errors.ts";
import { Poller } from "./poller.ts";
import { isPageVisible } from "./visibility.ts";

const settle = async (): Promise<void> => {
  for (let i = 0; i < 8; i++) await Promise.resolve();
};

async function pass(ms: number): Promise<void> {
  mock.timers.tick(ms);
  await settle();
}

beforeEach(() => {
  isPageVisible.value = true;
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
});
afterEach(() => mock.timers.reset());

test("value is loaded at once and again after its interval", async () => {
  let calls = 0;
  const poller = new Poller({ key: () => "a", load: async () => ++calls, intervalMs: 5_000, policy: "none" });
  const stop = poller.start();
  await pass(0);
  assert.equal(poller.data.value, 1);
  await pass(4_999);
  assert.equal(calls, 1);
  await pass(1);
  assert.equal(poller.data.value, 2);
  stop();
  await pass(60_000);
  assert.equal(calls, 2);
});

test("hidden page sends no requests and catches up when it is visible", async () => {
  let calls = 0;
  const poller = new Poller({ key: () => "a", load: async () => ++calls, intervalMs: 1_000, policy: "none" });
  const stop = poller.start();
  await pass(0);
  isPageVisible.value = false;
  await pass(600_000);
  assert.equal(calls, 1);
  isPageVisible.value = true;
  await pass(0);
  assert.equal(calls, 2);
  stop();
});

test("failures back off, and the last value stays", async () => {
  const at: number[] = [];
  let down = false;
  const load = async (): Promise<string> => {
    at.push(Date.now());
    if (down) throw ApiError.unreachable();
    return "price";
  };
  const poller = new Poller({ key: () => "a", load, intervalMs: 2_000, policy: "none" });
  const stop = poller.start();
  await pass(0);
  down = true;
  for (let i = 0; i < 300; i++) await pass(100);
  assert.equal(poller.data.value, "price");
  assert.ok(poller.failures.value >= 3 && poller.failures.value <= 7, String(poller.failures.value));
  const gaps = at.slice(2).map((time, i) => time - (at[i + 1] ?? 0));
  assert.ok((gaps.at(-1) ?? 0) > (gaps[0] ?? 0) * 2, gaps.join());
  down = false;
  await pass(30_000);
  assert.equal(poller.failures.value, 0);
  assert.equal(poller.error.value, null);
  stop();
});

test("Retry-After is kept to the second", async () => {
  let calls = 0;
  const load = async (): Promise<number> => {
    calls += 1;
    if (calls === 1) throw new ApiError(429, { retry_after: 7 });
    return calls;
  };
  const poller = new Poller({ key: () => "a", load, intervalMs: 1_000, policy: "none" });
  const stop = poller.start();
  await pass(0);
  await pass(6_999);
  assert.equal(calls, 1);
  await pass(1);
  assert.equal(poller.data.value, 2);
  stop();
});

test("late response for an earlier key is dropped", async () => {
  const key = signal("slow");
  const answers = new Map<string, (text: string) => void>();
  const load = (wanted: string): Promise<string> => new Promise((resolve) => answers.set(wanted, resolve));
  const poller = new Poller({ key: () => key.value, load, intervalMs: 60_000, policy: "none" });
  const stop = poller.start();
  await pass(0);
  key.value = "quick";
  await pass(0);
  answers.get("quick")?.("new");
  await settle();
  answers.get("slow")?.("old");
  await settle();
  assert.equal(poller.data.value, "new");
  assert.equal(poller.dataKey.value, "quick");
  stop();
});

test("clear drops every cached value and a response that comes afterwards", async () => {
  const key = signal<string | null>("first");
  let answer: (text: string) => void = () => undefined;
  const load = (wanted: string): Promise<string> =>
    wanted === "slow" ? new Promise((resolve) => (answer = resolve)) : Promise.resolve(`of ${wanted}`);
  const poller = new Poller({ key: () => key.value, load, intervalMs: 60_000, policy: "none" });
  const stop = poller.start();
  await pass(0);
  key.value = "slow";
  await pass(0);
  poller.clear();
  key.value = null;
  answer("late");
  await settle();
  assert.equal(poller.data.value, null);
  key.value = "first";
  assert.equal(poller.data.value, null, "a kept value was shown again");
  await pass(0);
  assert.equal(poller.data.value, "of first");
  stop();
});
