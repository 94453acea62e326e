import type { JSX } from "preact";
import { condition } from "../lib/condition.ts";
import { outcomeWords } from "../lib/delivery.ts";
import { dismissFailures, newFailures, outcomeOfAlert } from "../state/outcomes.ts";
import { openAlertId } from "../state/selection.ts";

/** Webhooks that were given up, above everything else: nobody was told what they should have said. */
export function Failures(): JSX.Element | null {
  const [first, ...others] = newFailures.value;
  const outcome = first && outcomeOfAlert(first);
  if (!first || !outcome) return null;
  const more = others.length === 0 ? "" : `, and ${others.length} more`;
  return (
    <div class="outage failures" role="status">
      <p>
        <strong>Webhook not delivered.</strong> {condition(first)}: {outcomeWords(outcome, 0).toLowerCase()}
        {more}
      </p>
      <button type="button" class="link" onClick={() => (openAlertId.value = first.id)}>
        See what to do
      </button>
      <button type="button" class="link" onClick={dismissFailures}>
        Dismiss
      </button>
    </div>
  );
}
