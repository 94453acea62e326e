import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { signal, type Signal } from "@preact/signals";
import { ApiError } from "../api/errors.ts";
import { Poller } from "./poller.ts";
import { TabGroup, type Channel, type Locks } from "./tabs.ts";
import { isPageVisible } from "./visibility.ts";

const INTERVAL_MS = 2_000;

async function pass(ms: number): Promise<void> {
  for (let left = ms; left >= 0; left -= 100) {
    mock.timers.tick(Math.min(left, 100));
    for (let i = 0; i < 20; i++) await Promise.resolve();
  }
}

/** What the tabs of one browser share: locks that are granted in turn, channels by name. */
class Browser {
  readonly #holders = new Map<string, { release: () => void; fail: (cause: Error) => void }>();
  readonly #queues = new Map<string, (() => void)[]>();
  readonly channels = new Map<string, Set<Channel>>();

  readonly locks = {
    request: (name: string, options: LockOptions, held: LockGrantedCallback<unknown>): Promise<unknown> =>
      new Promise((resolve, reject) => {
        const grant = (): void => {
          const release = (): void => {
            this.#holders.delete(name);
            this.#queues.get(name)?.shift()?.();
          };
          const holder = { release, fail: reject };
          this.#holders.set(name, holder);
          void Promise.resolve(held(null)).then((value) => {
            resolve(value);
            if (this.#holders.get(name) === holder) release();
          });
        };
        if (options.steal) {
          this.#holders.get(name)?.fail(new DOMException("stolen", "AbortError"));
          return grant();
        }
        if (!this.#holders.has(name)) return grant();
        const queue = this.#queues.get(name) ?? [];
        this.#queues.set(name, [...queue, grant]);
        options.signal?.addEventListener("abort", () => {
          this.#queues.set(
            name,
            (this.#queues.get(name) ?? []).filter((each) => each !== grant),
          );
          reject(new DOMException("aborted", "AbortError"));
        });
      }),
  } as Locks;

  open(name: string, isStuck: () => boolean): Channel {
    const all = this.channels.get(name) ?? new Set();
    this.channels.set(name, all);
    const channel: Channel = {
      onmessage: null,
      close: () => void all.delete(channel),
      postMessage: (message) => {
        if (isStuck()) return;
        const data: unknown = structuredClone(message);
        for (const other of all)
          if (other !== channel)
            queueMicrotask(() => void other.onmessage?.call(channel as BroadcastChannel, { data } as MessageEvent));
      },
    };
    all.add(channel);
    return channel;
  }
}

interface Tab {
  group: Signal<TabGroup | null>;
  poller: Poller<string>;
  asked: number;
  isStuck: boolean;
  close: () => void;
}

let browser: Browser;
let answer: () => Promise<string>;

function openTab(account = "a", topic = "quotes"): Tab {
  const tab: Tab = { asked: 0, isStuck: false } as Tab;
  tab.group = signal(new TabGroup(account, browser.locks, (name) => browser.open(name, () => tab.isStuck)));
  tab.poller = new Poller({
    key: () => "all",
    load: () => {
      if (tab.isStuck) return new Promise<string>(() => undefined);
      tab.asked += 1;
      return answer();
    },
    intervalMs: INTERVAL_MS,
    policy: "none",
    topic,
    group: tab.group,
  });
  const stop = tab.poller.start();
  tab.close = () => {
    tab.group.peek()?.close();
    stop();
  };
  return tab;
}

beforeEach(() => {
  isPageVisible.value = true;
  browser = new Browser();
  let count = 0;
  answer = async () => `answer ${++count}`;
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
});
afterEach(() => {
  mock.timers.reset();
  mock.restoreAll();
});

test("one of four tabs sends requests, and all have its responses", async () => {
  const tabs = [openTab(), openTab(), openTab(), openTab()];
  await pass(10 * INTERVAL_MS);
  assert.deepEqual(
    tabs.map((tab) => tab.asked > 0),
    [true, false, false, false],
  );
  assert.ok((tabs[0]?.asked ?? 0) <= 11, String(tabs[0]?.asked));
  const shown = new Set(tabs.map((tab) => tab.poller.data.value));
  assert.deepEqual([...shown], [`answer ${tabs[0]?.asked}`]);
  for (const tab of tabs) tab.close();
});

test("joining tab gets the newest response and sends no request", async () => {
  const first = openTab();
  await pass(100);
  const second = openTab();
  await pass(0);
  assert.equal(second.poller.data.value, "answer 1");
  assert.equal(second.poller.receivedAt.value, first.poller.receivedAt.value);
  assert.equal(second.asked, 0);
  first.close();
  second.close();
});

test("next tab takes over at once when the leader is closed, and in step", async () => {
  const [first, second] = [openTab(), openTab()];
  await pass(INTERVAL_MS / 2);
  first.close();
  await pass(INTERVAL_MS / 2 - 200);
  assert.equal(second.asked, 0, "the answer was still fresh");
  await pass(300);
  assert.equal(second.asked, 1);
  assert.equal(second.poller.data.value, "answer 2");
  second.close();
});

test("stuck leader is replaced, and follows when it comes back", async () => {
  let chance = 0;
  mock.method(Math, "random", () => (chance += 0.3) % 1); // No two followers at the same moment.
  const [first, second, third] = [openTab(), openTab(), openTab()];
  await pass(INTERVAL_MS);
  first.isStuck = true;
  await pass(8_000);
  const leaders = [second, third].filter((tab) => tab.asked > 0);
  assert.equal(leaders.length, 1);
  first.isStuck = false;
  const before = first.asked;
  await pass(5 * INTERVAL_MS);
  assert.equal(first.asked, before);
  assert.equal(first.poller.data.value, leaders[0]?.poller.data.value);
  for (const tab of [first, second, third]) tab.close();
});

test("slow leader keeps its place", async () => {
  answer = () => new Promise((resolve) => setTimeout(() => resolve("slow"), 10_000));
  const [first, second] = [openTab(), openTab()];
  await pass(30_000);
  assert.equal(second.asked, 0);
  assert.equal(second.poller.data.value, "slow");
  assert.equal(first.asked, 3);
  first.close();
  second.close();
});

test("failure reaches the other tabs in its own words", async () => {
  answer = async () => {
    throw new ApiError(429, { detail: "Too many.", type: "rate_limited", retry_after: 60 });
  };
  const [first, second] = [openTab(), openTab()];
  await pass(100);
  assert.equal(second.poller.error.value?.message, "Too many.");
  assert.equal(second.poller.error.value?.retryAfterMs, 60_000);
  assert.equal(second.poller.failures.value, 1);
  await pass(50_000);
  assert.deepEqual([first.asked, second.asked], [1, 0]);
  first.close();
  second.close();
});

test("refresh of a follower reaches the leader", async () => {
  const [first, second] = [openTab(), openTab()];
  await pass(100);
  second.poller.refresh();
  await pass(100);
  assert.deepEqual([first.asked, second.asked], [2, 0]);
  assert.equal(second.poller.data.value, "answer 2");
  first.close();
  second.close();
});

test("accounts and topics do not mix", async () => {
  const tabs = [openTab("a"), openTab("b"), openTab("a", "monitors")];
  await pass(INTERVAL_MS / 2);
  assert.deepEqual(
    tabs.map((tab) => tab.poller.data.value),
    ["answer 1", "answer 2", "answer 3"],
  );
  for (const tab of tabs) tab.close();
});

test("tab without locks sends its own requests", async () => {
  const refused = { request: () => Promise.reject(new DOMException("no storage", "SecurityError")) };
  browser = Object.assign(new Browser(), { locks: refused });
  const [first, second] = [openTab(), openTab()];
  await pass(100);
  assert.deepEqual([first.asked, second.asked], [1, 1]);
  first.close();
  second.close();
});
