import type { JSX } from "preact";
import type { ApiError } from "../api/errors.ts";
import { t } from "../i18n/language.ts";
import { problemRemedy, problemText } from "../i18n/problem.ts";
import { ServerWords } from "./server-words.tsx";

/**
 * An error of the API: its message, its remedy and the id to look it up in the logs. `onRetry` is for what the page
 * polls: that goes on by itself, unlike something that a person started.
 */
export function Problem({ error, onRetry }: { error: ApiError; onRetry?: () => void }): JSX.Element {
  const { actions, loading } = t.value;
  const remedy = problemRemedy(error);
  return (
    <div class="problem" role="alert">
      <p class="what">
        <ServerWords {...problemText(error)} />
      </p>
      {remedy && (
        <p>
          <ServerWords {...remedy} />
        </p>
      )}
      {error.requestId && <p class="muted">{loading.request(error.requestId)}</p>}
      {onRetry && <p class="muted">{loading.failed}</p>}
      {onRetry && (
        <button type="button" class="link" onClick={onRetry}>
          {actions.tryNow}
        </button>
      )}
    </div>
  );
}
