import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { Alert } from "../api/types.ts";
import { AlertState } from "../components/alert-state.tsx";
import { PlusIcon, TrashIcon } from "../components/icons.tsx";
import { Section } from "../components/section.tsx";
import { condition } from "../lib/condition.ts";
import { exactPrice, isKnown, minute, price, signedPercent } from "../lib/format.ts";
import { isCreating } from "../state/alert-draft.ts";
import { alerts, endpointOf, openAlertId } from "../state/alerts.ts";
import { quotes } from "../state/market.ts";
import { DeleteAlert } from "./delete-alert.tsx";
import { PollerLoading, PollerStaleBadge } from "./poller-status.tsx";

export function Alerts(): JSX.Element {
  const list = alerts.data.value;
  return (
    <Section
      title="My alerts"
      class="alerts"
      note={
        <>
          {list && list.length > 0 && `${list.filter((alert) => alert.is_active).length} armed`}
          <PollerStaleBadge of={alerts} />
        </>
      }
      actions={
        <button type="button" class="button" onClick={() => (isCreating.value = true)}>
          <PlusIcon />
          New alert
        </button>
      }
    >
      {list === null ? (
        <PollerLoading of={alerts} label="Loading the alerts" />
      ) : list.length === 0 ? (
        <p class="empty">
          No alerts yet. An alert posts a signed webhook to your server the moment a price crosses your target.
        </p>
      ) : (
        <Table list={list} />
      )}
    </Section>
  );
}

function Table({ list }: { list: Alert[] }): JSX.Element {
  const deleting = useSignal<Alert | null>(null);
  return (
    <>
      <table class="alert-table" aria-label="My alerts">
        <thead>
          <tr>
            <th scope="col">Alert</th>
            <th scope="col">State</th>
            <th scope="col" class="number">
              Distance
            </th>
            <th scope="col" class="wide-only spaced">
              Webhook
            </th>
            <th scope="col" class="number wide-only">
              Changed
            </th>
            <th scope="col">
              <span class="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {list.map((alert) => (
            <Row key={alert.id} alert={alert} onDelete={() => (deleting.value = alert)} />
          ))}
        </tbody>
      </table>
      {deleting.value && <DeleteAlert alert={deleting.value} onClose={() => (deleting.value = null)} />}
    </>
  );
}

function Row({ alert, onDelete }: { alert: Alert; onDelete: () => void }): JSX.Element {
  const current = quotes.data.value?.find((quote) => quote.ticker === alert.ticker)?.price;
  const away = isKnown(current) ? (Number(alert.target_price) / current - 1) * 100 : null;
  return (
    <tr data-alert={alert.id}>
      <td>
        <button
          type="button"
          class="row-button"
          aria-label={`Details of ${condition(alert)}`}
          onClick={() => (openAlertId.value = alert.id)}
        >
          <strong>{alert.ticker}</strong> {alert.condition === "gt" ? "above" : "below"}{" "}
          {exactPrice(alert.target_price)}
        </button>
      </td>
      <td>
        <AlertState alert={alert} endpoint={endpointOf(alert)} />
      </td>
      <td class="number">
        {alert.is_active ? signedPercent(away, 1) : isKnown(alert.last_value) ? `at ${price(alert.last_value)}` : ""}
      </td>
      <td class="wide-only spaced truncate muted" title={alert.webhook_url}>
        {alert.webhook_url}
      </td>
      <td class="number wide-only muted">{minute(alert.triggered_at ?? alert.created_at)}</td>
      <td class="number">
        <button type="button" class="icon-button" aria-label={`Delete ${condition(alert)}`} onClick={onDelete}>
          <TrashIcon />
        </button>
      </td>
    </tr>
  );
}
