import type { JSX } from "preact";
import type { Alert } from "../api/types.ts";
import { Dialog } from "../components/dialog.tsx";
import { Problem } from "../components/problem.tsx";
import { condition } from "../i18n/condition.ts";
import { t } from "../i18n/language.ts";
import { useAction } from "../lib/use-action.ts";
import { remove } from "../state/alerts.ts";

export function DeleteAlert({ alert, onClose }: { alert: Alert; onClose: () => void }): JSX.Element {
  const action = useAction();
  const confirm = (): Promise<void> =>
    action.run(async () => {
      await remove(alert);
      onClose();
    });
  const { details } = t.value;
  return (
    <Dialog title={details.confirm} onClose={onClose}>
      <p>
        {condition(alert)}. {alert.is_active ? details.confirmActive : details.confirmFired}
      </p>
      {action.error.value && <Problem error={action.error.value} />}
      <div class="row end">
        <button type="button" class="button" onClick={onClose}>
          {details.keep}
        </button>
        <button type="button" class="button danger" disabled={action.isBusy.value} onClick={() => void confirm()}>
          {details.confirmDelete}
        </button>
      </div>
    </Dialog>
  );
}
