import { effect, signal, untracked, type Signal } from "@preact/signals";
import { budget } from "../api/client.ts";
import { ApiError } from "../api/errors.ts";
import { backoff } from "./backoff.ts";
import type { Policy } from "./budget.ts";
import { visible } from "./visibility.ts";

interface Options<T> {
  /** What is wanted now; `null` for nothing. Read signals here: a new key is loaded at once. */
  key: () => string | null;
  load: (key: string, signal: AbortSignal) => Promise<T>;
  everyMs: number;
  policy: Policy;
}

interface Kept<T> {
  data: T;
  at: number;
}

const KEPT = 40;

/**
 * A value that is read from the API again and again.
 *
 * At most one request is in flight; a hidden page asks nothing; a failure is followed by a growing
 * wait or by the one the server asked for; polling leaves room in the rate limit for a person's own
 * requests. The newest value of each key is kept, so going back to it shows it at once, and an
 * answer that arrives after its key was left is dropped.
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
      untracked(() => this.#follow(key, seen));
    });
    return () => {
      stop();
      this.clear();
    };
  }

  /** Forgets everything, the values of other keys included, and drops an answer that is on its way. */
  clear(): void {
    this.#halt();
    this.#kept.clear();
    this.#key = null;
    this.failures.value = 0;
    this.#show(null, null);
  }

  /** Asks again now, because a person did something. */
  refresh(): void {
    if (this.#key !== null && !this.#flight) this.#schedule(0, true);
  }

  /** Replaces the value until the next answer, for what is known without asking. */
  amend(change: (data: T) => T): void {
    if (this.data.value !== null) this.data.value = change(this.data.value);
  }

  #follow(key: string | null, seen: boolean): void {
    const changed = key !== this.#key;
    if (changed) {
      this.#halt();
      this.#key = key;
      this.failures.value = 0;
      const kept = key === null ? undefined : this.#kept.get(key);
      this.#show(key, kept ?? null);
    }
    if (key === null || !seen) {
      clearTimeout(this.#timer);
      return;
    }
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
  }

  #schedule(delayMs: number, urgent: boolean): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#turn(urgent), delayMs);
  }

  async #turn(urgent: boolean): Promise<void> {
    const key = this.#key;
    if (key === null || this.#flight || !visible.value) return;
    const { policy, load, everyMs } = this.#options;
    const wait = budget.waitFor(policy, urgent ? 1 : budget.reserve(policy) + 1);
    if (wait > 0) return this.#schedule(wait, urgent);

    const flight = new AbortController();
    this.#flight = flight;
    let next = everyMs;
    try {
      const data = await load(key, flight.signal);
      if (flight.signal.aborted) return;
      this.#keep(key, data);
    } catch (cause) {
      if (flight.signal.aborted) return;
      const error = cause instanceof ApiError ? cause : ApiError.unreachable();
      this.failures.value += 1;
      this.error.value = error;
      next = error.retryAfterMs ?? Math.max(everyMs / 2, backoff(this.failures.value, Math.random()));
    }
    this.#flight = null;
    if (visible.value) this.#schedule(next, false);
  }

  #keep(key: string, data: T): void {
    const kept = { data, at: Date.now() };
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    const oldest = this.#kept.keys().next();
    if (this.#kept.size > KEPT && !oldest.done) this.#kept.delete(oldest.value);
    this.failures.value = 0;
    this.#show(key, kept);
  }
}
