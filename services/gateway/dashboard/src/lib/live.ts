import { effect, signal, untracked, type ReadonlySignal, type Signal } from "@preact/signals";
import { budget } from "../api/client.ts";
import { ApiError } from "../api/errors.ts";
import { backoff } from "./backoff.ts";
import type { Policy } from "./budget.ts";
import { tabGroup, type TabGroup, type Topic } from "./tabs.ts";
import { visible } from "./visibility.ts";

interface Options<T> {
  /** What is wanted now; `null` for nothing. Read signals here: a new key is loaded at once. */
  key: () => string | null;
  /** What takes several requests can report what it has meanwhile. */
  load: (key: string, signal: AbortSignal, report: (partial: T) => void) => Promise<T>;
  everyMs: number;
  policy: Policy;
  /** The name under which the tabs of an account share the value; without it each asks for itself. */
  topic?: string;
  group?: ReadonlySignal<TabGroup | null>;
}

interface Kept<T> {
  data: T;
  /** 0 for what is not complete yet. */
  at: number;
}

/** What the tab that asks tells the others. */
type Update<T> = Kept<T> | { error: ReturnType<ApiError["toParts"]>; failures: number };

const KEPT = 40;

/**
 * A value that is read from the API again and again.
 *
 * At most one request is in flight; a hidden page asks nothing; a failure is followed by a growing
 * wait or by the one the server asked for; polling leaves room in the rate limit for a person's own
 * requests. The newest value of each key is kept, so going back to it shows it at once, and an
 * answer that arrives after its key was left is dropped. Of several tabs of one account one asks for
 * all (see `tabs.ts`).
 */
export class Live<T> {
  readonly data: Signal<T | null> = signal(null);
  /** The key that `data` belongs to. */
  readonly shown: Signal<string | null> = signal(null);
  readonly error: Signal<ApiError | null> = signal(null);
  /** When `data` arrived, in the page's own time. */
  readonly receivedAt: Signal<number> = signal(0);
  /** Failures in a row. */
  readonly failures: Signal<number> = signal(0);

  readonly #options: Options<T>;
  readonly #kept = new Map<string, Kept<T>>();
  #key: string | null = null;
  #group: TabGroup | null = null;
  #topic: Topic | null = null;
  /** A refresh was wanted while an answer was on its way, which may be older than the wish. */
  #isWanted = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #flight: AbortController | null = null;

  constructor(options: Options<T>) {
    this.#options = options;
  }

  /** Begins to follow the key; the returned function ends it and forgets everything. */
  start(): () => void {
    const stop = effect(() => {
      const key = this.#options.key();
      const seen = visible.value;
      const { topic, group = tabGroup } = this.#options;
      const shared = topic === undefined ? null : group.value;
      untracked(() => this.#follow(key, seen, shared));
    });
    return () => {
      stop();
      this.clear();
    };
  }

  /** Forgets everything, the values of other keys included, and drops an answer that is on its way. */
  clear(): void {
    this.#halt();
    this.#leave();
    this.#kept.clear();
    this.#key = null;
    this.failures.value = 0;
    this.#show(null, null);
  }

  /** Asks again now, because a person did something. */
  refresh(): void {
    if (this.#key === null) return;
    if (!this.#asks) this.#topic?.refresh();
    else if (this.#flight) this.#isWanted = true;
    else this.#schedule(0, true);
  }

  /** Replaces the value until the next answer, for what is known without asking. */
  amend(change: (data: T) => T): void {
    if (this.data.value !== null) this.data.value = change(this.data.value);
  }

  #follow(key: string | null, seen: boolean, group: TabGroup | null): void {
    if (key !== this.#key) {
      this.#halt();
      this.#leave();
      this.#key = key;
      this.failures.value = 0;
      const kept = key === null ? undefined : this.#kept.get(key);
      this.#show(key, kept ?? null);
    }
    // A hidden tab lets another one ask.
    if (group !== this.#group || !seen) this.#leave();
    this.#group = group;
    if (key === null || !seen) clearTimeout(this.#timer);
    else if (group === null) this.#begin();
    else this.#topic ??= this.#join(group, key);
  }

  #join(group: TabGroup, key: string): Topic {
    return group.join(`${this.#options.topic}/${key}`, {
      lead: () => this.#begin(),
      follow: () => this.#halt(),
      receive: (update) => this.#receive(key, update as Update<T>),
      refresh: () => this.refresh(),
      latest: () => {
        const data = this.data.value;
        return data === null ? null : ({ data, at: this.receivedAt.value } satisfies Update<T>);
      },
    });
  }

  #leave(): void {
    this.#topic?.leave();
    this.#topic = null;
  }

  /** Whether this tab is the one that asks. */
  get #asks(): boolean {
    return this.#topic === null ? this.#group === null : this.#topic.leads;
  }

  #receive(key: string, update: Update<T>): void {
    if (key !== this.#key) return;
    if ("data" in update) return this.#keep(key, update);
    this.failures.value = update.failures;
    this.error.value = new ApiError(...update.error);
  }

  #begin(): void {
    if (this.#flight) return;
    const age = this.data.value === null ? Infinity : Date.now() - this.receivedAt.value;
    this.#schedule(Math.max(0, this.#options.everyMs - age), true);
  }

  #show(key: string | null, kept: Kept<T> | null): void {
    this.shown.value = kept ? key : null;
    this.data.value = kept?.data ?? null;
    this.receivedAt.value = kept?.at ?? 0;
    this.error.value = null;
  }

  #halt(): void {
    clearTimeout(this.#timer);
    this.#flight?.abort();
    this.#flight = null;
    this.#isWanted = false;
  }

  #schedule(delayMs: number, urgent: boolean): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#turn(urgent), delayMs);
  }

  async #turn(urgent: boolean): Promise<void> {
    const key = this.#key;
    if (key === null || this.#flight || !visible.value || !this.#asks) return;
    const { policy, load, everyMs } = this.#options;
    const wait = budget.waitFor(policy, urgent ? 1 : budget.reserve(policy) + 1);
    if (wait > 0) return this.#schedule(wait, urgent);

    const flight = new AbortController();
    this.#flight = flight;
    let next = everyMs;
    try {
      const data = await load(key, flight.signal, (partial) => {
        if (!flight.signal.aborted) this.#publish(key, { data: partial, at: 0 });
      });
      if (flight.signal.aborted) return;
      this.#publish(key, { data, at: Date.now() });
    } catch (cause) {
      if (flight.signal.aborted) return;
      const error = cause instanceof ApiError ? cause : ApiError.unreachable();
      this.failures.value += 1;
      this.error.value = error;
      const failed: Update<T> = { error: error.toParts(), failures: this.failures.value };
      this.#topic?.publish(failed);
      next = error.retryAfterMs ?? Math.max(everyMs / 2, backoff(this.failures.value, Math.random()));
    }
    this.#flight = null;
    const isWanted = this.#isWanted;
    this.#isWanted = false;
    if (visible.value && this.#asks) this.#schedule(isWanted ? 0 : next, isWanted);
  }

  #publish(key: string, kept: Kept<T>): void {
    this.#keep(key, kept);
    this.#topic?.publish(kept satisfies Update<T>);
  }

  #keep(key: string, kept: Kept<T>): void {
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    const oldest = this.#kept.keys().next();
    if (this.#kept.size > KEPT && !oldest.done) this.#kept.delete(oldest.value);
    this.failures.value = 0;
    this.#show(key, kept);
  }
}
