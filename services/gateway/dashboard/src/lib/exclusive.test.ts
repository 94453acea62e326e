import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { byLease, exclusively } from "./exclusive.ts";

const NAME = "lock";
let stored: Map<string, string>;
beforeEach(() => {
  stored = new Map();
  const storage = {
    getItem: (name: string) => stored.get(name) ?? null,
    setItem: (name: string, value: string) => void stored.set(name, value),
    removeItem: (name: string) => void stored.delete(name),
  };
  Object.defineProperty(globalThis, "localStorage", { value: storage, configurable: true, writable: true });
});

/** A clock that sleepers move on. */
function clock(): { now: () => number; sleep: (ms: number) => Promise<void> } {
  let time = 0;
  return {
    now: () => time,
    sleep: async (ms) => {
      await new Promise((resolve) => setImmediate(resolve));
      time += ms;
    },
  };
}

test("work of tabs without locks does not overlap", async () => {
  const timing = clock();
  let running = 0;
  let most = 0;
  const work = async (): Promise<void> => {
    most = Math.max(most, (running += 1));
    await timing.sleep(100);
    running -= 1;
  };
  await Promise.all([1, 2, 3].map(() => byLease(NAME, work, timing)));
  assert.equal(most, 1);
  assert.equal(stored.size, 0);
});

test("lease of a tab that was closed ends", async () => {
  stored.set(NAME, "20000:0.5");
  const timing = clock();
  assert.equal(await byLease(NAME, async () => timing.now() >= 20_000, timing), true);
});

test("work goes on where the storage keeps nothing, and its failure gives the lease back", async () => {
  const timing = clock();
  await assert.rejects(
    byLease(NAME, () => Promise.reject(new Error("refused")), timing),
    { message: "refused" },
  );
  assert.equal(stored.size, 0);
  Object.defineProperty(globalThis, "localStorage", {
    get: () => {
      throw new DOMException("The operation is insecure.", "SecurityError");
    },
    configurable: true,
  });
  assert.equal(await byLease(NAME, async () => 1, timing), 1);
});

test("refused lock lets the work run, once", async () => {
  let runs = 0;
  const work = async (): Promise<number> => (runs += 1);
  const refuse = { request: () => Promise.reject(new DOMException("no storage", "SecurityError")) };
  Object.defineProperty(globalThis, "navigator", { value: { locks: refuse }, configurable: true });
  assert.equal(await exclusively(NAME, work), 1);
  const grant = { request: (_: string, held: () => Promise<unknown>) => held() };
  Object.defineProperty(globalThis, "navigator", { value: { locks: grant }, configurable: true });
  await assert.rejects(
    exclusively(NAME, () => Promise.reject(new Error("refused"))),
    { message: "refused" },
  );
  assert.equal(await exclusively(NAME, work), 2);
  assert.equal(runs, 2);
});
