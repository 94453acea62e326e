import type { JSX } from "preact";
import type { ApiError } from "../api/errors.ts";

/**
 * An error of the API: its message, its remedy and the id to look it up in the logs. `onRetry` is for what the page
 * polls: that goes on by itself, unlike something that a person started.
 */
export function Problem({ error, onRetry }: { error: ApiError; onRetry?: () => void }): JSX.Element {
  return (
    <div class="problem" role="alert">
      <p class="what">{error.message}</p>
      {error.remediation && <p>{error.remediation}</p>}
      {error.requestId && <p class="muted">Request {error.requestId}</p>}
      {onRetry && <p class="muted">The page keeps trying.</p>}
      {onRetry && (
        <button type="button" class="link" onClick={onRetry}>
          Try now
        </button>
      )}
    </div>
  );
}
