import type { JSX } from "preact";
import type { Alert } from "../api/types.ts";
import { Confirm } from "../components/confirm.tsx";
import { condition } from "../i18n/condition.ts";
import { t } from "../i18n/language.ts";
import { remove } from "../state/alerts.ts";

export function DeleteAlert({ alert, onClose }: { alert: Alert; onClose: () => void }): JSX.Element {
  const { details } = t.value;
  return (
    <Confirm
      title={details.confirm}
      confirm={details.confirmDelete}
      keep={details.keep}
      onConfirm={() => remove(alert)}
      onClose={onClose}
    >
      <p>
        {condition(alert)}. {alert.is_active ? details.confirmActive : details.confirmFired}
      </p>
    </Confirm>
  );
}
