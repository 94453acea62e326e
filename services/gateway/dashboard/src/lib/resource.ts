import { signal, type Signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { rateBudget } from "../api/client.ts";
import { ApiError } from "../api/errors.ts";
import type { Page } from "../api/types.ts";
import type { Policy } from "./rate-budget.ts";

/** What a part of the page loads when it is opened and when a person asks for it, without polling. */
abstract class Loadable {
  readonly error: Signal<ApiError | null> = signal(null);
  readonly isLoading: Signal<boolean> = signal(false);
  readonly #policy: Policy;
  #inFlight: AbortController | null = null;

  constructor(policy: Policy) {
    this.#policy = policy;
  }

  abstract load(): Promise<void>;

  /** Aborts what is in flight. */
  stop(): void {
    this.#inFlight?.abort();
    this.#inFlight = null;
    this.isLoading.value = false;
  }

  /** Runs one request instead of an earlier one, whose response is dropped. */
  protected async run(work: (abort: AbortSignal) => Promise<void>): Promise<void> {
    this.stop();
    const controller = new AbortController();
    this.#inFlight = controller;
    this.isLoading.value = true;
    this.error.value = null;
    try {
      const wait = rateBudget.waitFor(this.#policy, 1);
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      controller.signal.throwIfAborted();
      await work(controller.signal);
    } catch (cause) {
      if (!controller.signal.aborted) this.error.value = ApiError.from(cause);
    } finally {
      if (this.#inFlight === controller) this.stop();
    }
  }
}

/** One thing of the API. What was loaded stays while it is loaded anew. */
export class Resource<T> extends Loadable {
  readonly data: Signal<T | null> = signal(null);
  readonly #load: (abort: AbortSignal) => Promise<T>;

  constructor(policy: Policy, load: (abort: AbortSignal) => Promise<T>) {
    super(policy);
    this.#load = load;
  }

  load(): Promise<void> {
    return this.run(async (abort) => {
      const data = await this.#load(abort);
      if (!abort.aborted) this.data.value = data;
    });
  }

  /** Changes the data by what a request of a person has answered. */
  mutate(change: (data: T) => T): void {
    if (this.data.value !== null) this.data.value = change(this.data.value);
  }
}

/** A list of the API, page by page. */
export class PagedList<T> extends Loadable {
  readonly items: Signal<T[] | null> = signal(null);
  readonly #nextCursor: Signal<string | undefined> = signal(undefined);
  readonly #load: (cursor: string | undefined, abort: AbortSignal) => Promise<Page<T>>;

  constructor(policy: Policy, load: (cursor: string | undefined, abort: AbortSignal) => Promise<Page<T>>) {
    super(policy);
    this.#load = load;
  }

  get hasMore(): boolean {
    return this.#nextCursor.value !== undefined;
  }

  /** The first page. */
  load(): Promise<void> {
    return this.run((abort) => this.#append(undefined, abort));
  }

  /** The next page. */
  more(): Promise<void> {
    const cursor = this.#nextCursor.value;
    if (cursor === undefined) return Promise.resolve();
    return this.run(async (abort) => {
      try {
        await this.#append(cursor, abort);
      } catch (cause) {
        // A cursor lives for some minutes only.
        if (!(cause instanceof ApiError) || cause.type !== "invalid_cursor") throw cause;
        await this.#append(undefined, abort);
      }
    });
  }

  mutate(change: (items: T[]) => T[]): void {
    if (this.items.value !== null) this.items.value = change(this.items.value);
  }

  async #append(cursor: string | undefined, abort: AbortSignal): Promise<void> {
    const { items, nextCursor } = await this.#load(cursor, abort);
    if (abort.aborted) return;
    this.items.value = cursor === undefined ? items : [...(this.items.value ?? []), ...items];
    this.#nextCursor.value = nextCursor;
  }
}

/** Loads while the component is shown. */
export function useLoaded<L extends Loadable>(create: () => L): L {
  // The load reads what it needs itself, so the first one stays.
  // eslint-disable-next-line react-hooks/exhaustive-deps
  const loadable = useMemo(create, []);
  useEffect(() => {
    void loadable.load();
    return () => loadable.stop();
  }, [loadable]);
  return loadable;
}
