import { signal, type ReadonlySignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { ApiError } from "../api/errors.ts";

/** Something a person starts, such as a form's submission: whether it runs, and how the last run failed. */
export interface Action {
  readonly isBusy: ReadonlySignal<boolean>;
  readonly error: ReadonlySignal<ApiError | null>;
  /** Runs the work, unless an earlier one is still running: a second click must not send a second request. */
  run: (work: () => Promise<void>) => Promise<void>;
  reset: () => void;
}

export function createAction(): Action {
  const isBusy = signal(false);
  const error = signal<ApiError | null>(null);
  return {
    isBusy,
    error,
    run: async (work) => {
      if (isBusy.value) return;
      isBusy.value = true;
      error.value = null;
      try {
        await work();
      } catch (cause) {
        error.value = ApiError.from(cause);
      } finally {
        isBusy.value = false;
      }
    },
    reset: () => void (error.value = null),
  };
}

export const useAction = (): Action => useMemo(createAction, []);
