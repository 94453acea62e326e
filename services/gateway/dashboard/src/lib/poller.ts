import { effect, signal, untracked, type ReadonlySignal, type Signal } from "@preact/signals";
import { rateBudget } from "../api/client.ts";
import { ApiError } from "../api/errors.ts";
import { backoff } from "./backoff.ts";
import type { Policy } from "./rate-budget.ts";
import { tabGroup, type TabGroup, type Topic } from "./tabs.ts";
import { isPageVisible } from "./visibility.ts";

interface Options<T> {
  /** What to load; `null` for nothing. Signals that are read here are followed, and a new key is loaded at once. */
  key: () => string | null;
  /** A load of several requests can `report` partial data. */
  load: (key: string, signal: AbortSignal, report: (partial: T) => void) => Promise<T>;
  intervalMs: number;
  policy: Policy;
  /** The name under which the tabs of an account share the value; without it each tab sends its own requests. */
  topic?: string;
  group?: ReadonlySignal<TabGroup | null>;
}

interface Cached<T> {
  data: T;
  /** When it was received; 0 for partial data. */
  at: number;
}

/** Broadcast by the leading tab. */
type Update<T> = Cached<T> | { error: ReturnType<ApiError["toParts"]>; failures: number };

/** Values of earlier keys that are cached for going back. */
const MAX_CACHED = 40;

/**
 * Polls one resource of the API.
 *
 * - At most one request is in flight, and a hidden page sends none.
 * - After a failure it waits for `Retry-After` or backs off exponentially.
 * - It leaves room in the rate limit for requests that a person starts.
 * - The newest value of each key is cached, so that going back to a key shows it at once.
 * - A response for a key that is no longer current is dropped.
 * - Of several tabs of one account only the leader sends requests (see `tabs.ts`).
 */
export class Poller<T> {
  readonly data: Signal<T | null> = signal(null);
  /** The key that `data` belongs to. */
  readonly dataKey: Signal<string | null> = signal(null);
  readonly error: Signal<ApiError | null> = signal(null);
  /** When `data` was received, by this device's clock. */
  readonly receivedAt: Signal<number> = signal(0);
  /** When the next attempt after a failure is due; `null` when there is none, or another tab makes it. */
  readonly retryAt: Signal<number | null> = signal(null);
  /** Failures in a row. */
  readonly failures: Signal<number> = signal(0);

  readonly #options: Options<T>;
  readonly #cache = new Map<string, Cached<T>>();
  #key: string | null = null;
  #group: TabGroup | null = null;
  #topic: Topic | null = null;
  /** A refresh was requested while a request was in flight, whose response may predate the reason for it. */
  #isRefreshPending = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #inFlight: AbortController | null = null;

  constructor(options: Options<T>) {
    this.#options = options;
  }

  /** Starts polling; the returned function stops it and clears everything. */
  start(): () => void {
    const stop = effect(() => {
      const key = this.#options.key();
      const isVisible = isPageVisible.value;
      const { topic, group = tabGroup } = this.#options;
      const shared = topic === undefined ? null : group.value;
      untracked(() => this.#apply(key, isVisible, shared));
    });
    return () => {
      stop();
      this.clear();
    };
  }

  /** Aborts the request in flight and drops all data, those of other keys included. */
  clear(): void {
    this.#cancel();
    this.#leaveTopic();
    this.#cache.clear();
    this.#key = null;
    this.failures.value = 0;
    this.#setData(null, null);
  }

  /** Polls at once, without the reserve for requests that a person starts. */
  refresh(): void {
    if (this.#key === null) return;
    if (!this.#isLeader) this.#topic?.refresh();
    else if (this.#inFlight) this.#isRefreshPending = true;
    else this.#schedule(0, true);
  }

  /** Changes the data until the next response, for changes whose result is already known. */
  mutate(change: (data: T) => T): void {
    if (this.data.value !== null) this.data.value = change(this.data.value);
  }

  #apply(key: string | null, isVisible: boolean, group: TabGroup | null): void {
    if (key !== this.#key) {
      this.#cancel();
      this.#leaveTopic();
      this.#key = key;
      this.failures.value = 0;
      const cached = key === null ? undefined : this.#cache.get(key);
      this.#setData(key, cached ?? null);
    }
    // A hidden tab leaves the lead to another one.
    if (group !== this.#group || !isVisible) this.#leaveTopic();
    this.#group = group;
    if (key === null || !isVisible) clearTimeout(this.#timer);
    else if (group === null) this.#startPolling();
    else this.#topic ??= this.#join(group, key);
  }

  #join(group: TabGroup, key: string): Topic {
    return group.join(`${this.#options.topic}/${key}`, {
      lead: () => this.#startPolling(),
      follow: () => this.#cancel(),
      receive: (update) => this.#receive(key, update as Update<T>),
      refresh: () => this.refresh(),
      latest: () => {
        const data = this.data.value;
        return data === null ? null : ({ data, at: this.receivedAt.value } satisfies Update<T>);
      },
    });
  }

  #leaveTopic(): void {
    this.#topic?.leave();
    this.#topic = null;
  }

  /** Whether this tab sends the requests: it leads, or shares with no other. */
  get #isLeader(): boolean {
    return this.#topic === null ? this.#group === null : this.#topic.leads;
  }

  #receive(key: string, update: Update<T>): void {
    if (key !== this.#key) return;
    if ("data" in update) return this.#store(key, update);
    this.failures.value = update.failures;
    this.error.value = new ApiError(...update.error);
  }

  #startPolling(): void {
    if (this.#inFlight) return;
    const age = this.data.value === null ? Infinity : Date.now() - this.receivedAt.value;
    this.#schedule(Math.max(0, this.#options.intervalMs - age), true);
  }

  #setData(key: string | null, cached: Cached<T> | null): void {
    this.dataKey.value = cached ? key : null;
    this.data.value = cached?.data ?? null;
    this.receivedAt.value = cached?.at ?? 0;
    this.error.value = null;
    this.retryAt.value = null;
  }

  #cancel(): void {
    clearTimeout(this.#timer);
    this.#inFlight?.abort();
    this.#inFlight = null;
    this.#isRefreshPending = false;
  }

  #schedule(delayMs: number, urgent: boolean): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#poll(urgent), delayMs);
  }

  async #poll(urgent: boolean): Promise<void> {
    const key = this.#key;
    if (key === null || this.#inFlight || !isPageVisible.value || !this.#isLeader) return;
    const { policy, load, intervalMs } = this.#options;
    const wait = rateBudget.waitFor(policy, urgent ? 1 : rateBudget.reserve(policy) + 1);
    if (wait > 0) return this.#schedule(wait, urgent);

    const controller = new AbortController();
    this.#inFlight = controller;
    let next = intervalMs;
    try {
      const data = await load(key, controller.signal, (partial) => {
        if (!controller.signal.aborted) this.#publish(key, { data: partial, at: 0 });
      });
      if (controller.signal.aborted) return;
      this.#publish(key, { data, at: Date.now() });
    } catch (cause) {
      if (controller.signal.aborted) return;
      const error = ApiError.from(cause);
      this.failures.value += 1;
      this.error.value = error;
      const failed: Update<T> = { error: error.toParts(), failures: this.failures.value };
      this.#topic?.publish(failed);
      next = error.retryAfterMs ?? Math.max(intervalMs / 2, backoff(this.failures.value, Math.random()));
      this.retryAt.value = Date.now() + next;
    }
    this.#inFlight = null;
    const isRefreshPending = this.#isRefreshPending;
    this.#isRefreshPending = false;
    if (isPageVisible.value && this.#isLeader) this.#schedule(isRefreshPending ? 0 : next, isRefreshPending);
  }

  #publish(key: string, cached: Cached<T>): void {
    this.#store(key, cached);
    this.#topic?.publish(cached satisfies Update<T>);
  }

  #store(key: string, cached: Cached<T>): void {
    this.#cache.delete(key);
    this.#cache.set(key, cached);
    const oldest = this.#cache.keys().next();
    if (this.#cache.size > MAX_CACHED && !oldest.done) this.#cache.delete(oldest.value);
    this.failures.value = 0;
    this.#setData(key, cached);
  }
}
