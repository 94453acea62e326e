import type { JSX } from "preact";
import type { Alert } from "../api/types.ts";
import { Dialog } from "../components/dialog.tsx";
import { Problem } from "../components/problem.tsx";
import { condition } from "../lib/condition.ts";
import { useAction } from "../lib/use-action.ts";
import { remove } from "../state/alerts.ts";

export function DeleteAlert({ alert, onClose }: { alert: Alert; onClose: () => void }): JSX.Element {
  const action = useAction();
  const confirm = (): Promise<void> =>
    action.run(async () => {
      await remove(alert);
      onClose();
    });
  return (
    <Dialog title="Delete this alert?" onClose={onClose}>
      <p>
        {condition(alert)}.{" "}
        {alert.is_active ? "It will not fire any more." : "It leaves this list; what it fired is still delivered."}
      </p>
      {action.error.value && <Problem error={action.error.value} />}
      <div class="row end">
        <button type="button" class="button" onClick={onClose}>
          Keep it
        </button>
        <button type="button" class="button danger" disabled={action.isBusy.value} onClick={() => void confirm()}>
          Delete
        </button>
      </div>
    </Dialog>
  );
}
