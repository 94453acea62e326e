import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { signal } from "@preact/signals";
import { ApiError } from "../api/errors.ts";
import { Live } from "./live.ts";
import { visible } from "./visibility.ts";

const settle = async (): Promise<void> => {
  for (let i = 0; i < 8; i++) await Promise.resolve();
};

async function pass(ms: number): Promise<void> {
  mock.timers.tick(ms);
  await settle();
}

beforeEach(() => {
  visible.value = true;
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
});
afterEach(() => mock.timers.reset());

test("a value is loaded at once and again after its interval", async () => {
  let calls = 0;
  const live = new Live({ key: () => "a", load: async () => ++calls, everyMs: 5_000, policy: "none" });
  const stop = live.start();
  await pass(0);
  assert.equal(live.data.value, 1);
  await pass(4_999);
  assert.equal(calls, 1);
  await pass(1);
  assert.equal(live.data.value, 2);
  stop();
  await pass(60_000);
  assert.equal(calls, 2);
});

test("a hidden page asks nothing and catches up when it is seen", async () => {
  let calls = 0;
  const live = new Live({ key: () => "a", load: async () => ++calls, everyMs: 1_000, policy: "none" });
  const stop = live.start();
  await pass(0);
  visible.value = false;
  await pass(600_000);
  assert.equal(calls, 1);
  visible.value = true;
  await pass(0);
  assert.equal(calls, 2);
  stop();
});

test("failures wait longer and longer, and the last value stays", async () => {
  const at: number[] = [];
  let down = false;
  const load = async (): Promise<string> => {
    at.push(Date.now());
    if (down) throw ApiError.unreachable();
    return "price";
  };
  const live = new Live({ key: () => "a", load, everyMs: 2_000, policy: "none" });
  const stop = live.start();
  await pass(0);
  down = true;
  for (let i = 0; i < 300; i++) await pass(100);
  assert.equal(live.data.value, "price");
  assert.ok(live.failures.value >= 3 && live.failures.value <= 7, String(live.failures.value));
  const gaps = at.slice(2).map((time, i) => time - (at[i + 1] ?? 0));
  assert.ok((gaps.at(-1) ?? 0) > (gaps[0] ?? 0) * 2, gaps.join());
  down = false;
  await pass(30_000);
  assert.equal(live.failures.value, 0);
  assert.equal(live.error.value, null);
  stop();
});

test("the wait that the server asks for is kept to the second", async () => {
  let calls = 0;
  const load = async (): Promise<number> => {
    calls += 1;
    if (calls === 1) throw new ApiError(429, { retry_after: 7 });
    return calls;
  };
  const live = new Live({ key: () => "a", load, everyMs: 1_000, policy: "none" });
  const stop = live.start();
  await pass(0);
  await pass(6_999);
  assert.equal(calls, 1);
  await pass(1);
  assert.equal(live.data.value, 2);
  stop();
});

test("a late answer for a key that was left is dropped", async () => {
  const key = signal("slow");
  const answers = new Map<string, (text: string) => void>();
  const load = (wanted: string): Promise<string> => new Promise((resolve) => answers.set(wanted, resolve));
  const live = new Live({ key: () => key.value, load, everyMs: 60_000, policy: "none" });
  const stop = live.start();
  await pass(0);
  key.value = "quick";
  await pass(0);
  answers.get("quick")?.("new");
  await settle();
  answers.get("slow")?.("old");
  await settle();
  assert.equal(live.data.value, "new");
  assert.equal(live.shown.value, "quick");
  stop();
});

test("clearing forgets every value that was kept and drops an answer that comes afterwards", async () => {
  const key = signal<string | null>("first");
  let answer: (text: string) => void = () => undefined;
  const load = (wanted: string): Promise<string> =>
    wanted === "slow" ? new Promise((resolve) => (answer = resolve)) : Promise.resolve(`of ${wanted}`);
  const live = new Live({ key: () => key.value, load, everyMs: 60_000, policy: "none" });
  const stop = live.start();
  await pass(0);
  key.value = "slow";
  await pass(0);
  live.clear();
  key.value = null;
  answer("late");
  await settle();
  assert.equal(live.data.value, null);
  key.value = "first";
  assert.equal(live.data.value, null, "a kept value was shown again");
  await pass(0);
  assert.equal(live.data.value, "of first");
  stop();
});
