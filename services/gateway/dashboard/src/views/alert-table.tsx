import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { Alert } from "../api/types.ts";
import { AlertState } from "../components/alert-state.tsx";
import { TrashIcon } from "../components/icons.tsx";
import { SortHeader } from "../components/sort-header.tsx";
import { t } from "../i18n/language.ts";
import type { AlertRow, Sort, SortColumn } from "../lib/alert-list.ts";
import { condition } from "../i18n/condition.ts";
import { exactPrice, minute, price, signedPercent } from "../i18n/format.ts";
import { isKnown } from "../lib/numbers.ts";
import { now } from "../lib/visibility.ts";
import { endpointOf } from "../state/alerts.ts";
import { outcomeOfAlert } from "../state/outcomes.ts";
import { openAlertId } from "../state/selection.ts";
import { DeleteAlert } from "./delete-alert.tsx";

/** A row of the table: what it is arranged by, with the whole alert. */
export type FullRow = AlertRow & { alert: Alert };

interface Props {
  rows: FullRow[];
  sort: Sort | null;
  onSort: (column: SortColumn) => void;
}

export function AlertTable({ rows, sort, onSort }: Props): JSX.Element {
  const deleting = useSignal<Alert | null>(null);
  const header = { sort, onSort };
  const { alerts: texts } = t.value;
  const { columns } = texts;
  return (
    <>
      <table class="alert-table" aria-label={texts.title}>
        <thead>
          <tr>
            <SortHeader {...header} column="alert" label={columns.alert} />
            <SortHeader {...header} column="state" label={columns.state} />
            <SortHeader {...header} column="distance" label={columns.distance} class="number" />
            <SortHeader {...header} column="webhook" label={columns.webhook} class="webhook" />
            <SortHeader {...header} column="changed" label={columns.changed} class="number changed" />
            <th scope="col">
              <span class="visually-hidden">{texts.actions}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row key={row.alert.id} {...row} onDelete={() => (deleting.value = row.alert)} />
          ))}
        </tbody>
      </table>
      {deleting.value && <DeleteAlert alert={deleting.value} onClose={() => (deleting.value = null)} />}
    </>
  );
}

function Row({ alert, away, onDelete }: FullRow & { onDelete: () => void }): JSX.Element {
  const outcome = outcomeOfAlert(alert);
  const { alerts: texts } = t.value;
  return (
    <tr data-alert={alert.id}>
      <td>
        <button
          type="button"
          class="row-button"
          aria-label={texts.details(condition(alert))}
          onClick={() => (openAlertId.value = alert.id)}
        >
          <strong>{alert.ticker}</strong> {texts.side[alert.condition]} {exactPrice(alert.target_price)}
        </button>
      </td>
      <td>
        <AlertState
          alert={alert}
          endpoint={endpointOf(alert)}
          outcome={outcome}
          // The other rows do not change every second.
          now={outcome?.kind === "retrying" ? now.value : 0}
        />
      </td>
      <td class="number">
        {alert.is_active ? signedPercent(away, 1) : isKnown(alert.last_value) ? texts.at(price(alert.last_value)) : ""}
      </td>
      <td class="webhook muted" title={alert.webhook_url}>
        {alert.webhook_url}
      </td>
      <td class="number changed muted">{minute(alert.triggered_at ?? alert.created_at)}</td>
      <td class="number">
        <button type="button" class="icon-button" aria-label={texts.delete(condition(alert))} onClick={onDelete}>
          <TrashIcon />
        </button>
      </td>
    </tr>
  );
}
