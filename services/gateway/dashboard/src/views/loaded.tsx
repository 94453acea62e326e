import type { ReadonlySignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import type { ApiError } from "../api/errors.ts";
import { Problem } from "../components/problem.tsx";
import { t } from "../i18n/language.ts";

interface Props {
  from: {
    readonly error: ReadonlySignal<ApiError | null>;
    readonly isLoading: ReadonlySignal<boolean>;
    load: () => Promise<void>;
  };
  label: string;
  /** `undefined` while nothing has been loaded. */
  isEmpty: boolean | undefined;
  empty: ComponentChildren;
  children: ComponentChildren;
}

/** What was loaded on demand, that it loads, that there is nothing, or why it could not be loaded. */
export function Loaded({ from, label, isEmpty, empty, children }: Props): JSX.Element {
  const error = from.error.value;
  return (
    <>
      {error && (
        <div class="load-problem">
          <Problem error={error} />
          <button type="button" class="button small" onClick={() => void from.load()}>
            {t.value.actions.tryAgain}
          </button>
        </div>
      )}
      {isEmpty === undefined ? (
        !error && <div class="skeleton block" role="progressbar" aria-label={label} />
      ) : isEmpty ? (
        <p class="empty">{empty}</p>
      ) : (
        <div class={from.isLoading.value ? "loads" : ""} aria-busy={from.isLoading.value}>
          {children}
        </div>
      )}
    </>
  );
}
