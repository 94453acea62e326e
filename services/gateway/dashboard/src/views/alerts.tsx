import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { Alert } from "../api/types.ts";
import { PlusIcon } from "../components/icons.tsx";
import { ListTools } from "../components/list-tools.tsx";
import { Section } from "../components/section.tsx";
import { t } from "../i18n/language.ts";
import { arrange, nextSort, type ListView, type Standing } from "../lib/alert-list.ts";
import { assetName } from "../lib/assets.ts";
import { fixed } from "../i18n/format.ts";
import { isCreating } from "../state/alert-draft.ts";
import { alerts, distanceOf, endpointOf } from "../state/alerts.ts";
import { outcomeOfAlert } from "../state/outcomes.ts";
import { searchText } from "../i18n/search-text.ts";
import { AlertTable, type FullRow } from "./alert-table.tsx";
import { PollerLoading, PollerStaleBadge } from "./poller-status.tsx";
import { TimeZone } from "./time-zone.tsx";

/** Rows that are drawn at first, and with each step further: more are slow to draw and to read. */
const STEP = 100;
const ALL: ListView = { search: "", ticker: "", state: "all", sort: null };

export function Alerts(): JSX.Element {
  const list = alerts.data.value;
  const { actions, alerts: texts } = t.value;
  return (
    <Section
      title={texts.title}
      class="alerts"
      note={
        <>
          {list && list.length > 0 && texts.armed(count(list.filter((alert) => alert.is_active).length))}
          <PollerStaleBadge of={alerts} />
        </>
      }
      actions={
        <button type="button" class="button" onClick={() => (isCreating.value = true)}>
          <PlusIcon />
          {actions.newAlert}
        </button>
      }
    >
      {list === null ? (
        <PollerLoading of={alerts} label={texts.loading} />
      ) : list.length === 0 ? (
        <p class="empty">{texts.empty}</p>
      ) : (
        <>
          <List list={list} />
          <TimeZone />
        </>
      )}
    </Section>
  );
}

function List({ list }: { list: Alert[] }): JSX.Element {
  const view = useSignal(ALL);
  const limit = useSignal(STEP);
  const rows = arrange(list.map(rowOf), view.value);
  const shown = rows.slice(0, limit.value);
  const change = (part: Partial<ListView>): void => {
    view.value = { ...view.value, ...part };
    limit.value = STEP;
  };
  const { alerts: texts } = t.value;
  const isFiltered = rows.length < list.length;
  const tickers = [...new Set(list.map((alert) => alert.ticker))].sort();
  return (
    <>
      <ListTools
        view={view.value}
        onChange={change}
        tickers={tickers}
        result={isFiltered ? texts.count(count(rows.length), count(list.length)) : count(list.length)}
      />
      {rows.length === 0 ? (
        <p class="empty">
          {texts.noMatch}{" "}
          <button type="button" class="link" onClick={() => change({ ...ALL, sort: view.value.sort })}>
            {texts.showAll}
          </button>
        </p>
      ) : (
        <AlertTable
          rows={shown}
          sort={view.value.sort}
          onSort={(column) => change({ sort: nextSort(view.value.sort, column) })}
        />
      )}
      {shown.length < rows.length && (
        <button type="button" class="button more" onClick={() => (limit.value += STEP)}>
          {texts.showMore(count(Math.min(STEP, rows.length - shown.length)), count(rows.length))}
        </button>
      )}
    </>
  );
}

const count = (value: number): string => fixed(value, 0);

function rowOf(alert: Alert): FullRow {
  return {
    alert,
    searchText: searchText(alert, assetName(alert.ticker)),
    standing: standingOf(alert),
    away: alert.is_active ? distanceOf(alert) : null,
  };
}

function standingOf(alert: Alert): Standing {
  if (!alert.is_active) return outcomeOfAlert(alert)?.kind ?? "fired";
  return alert.no_data || endpointOf(alert)?.is_enabled === false ? "blocked" : "armed";
}
