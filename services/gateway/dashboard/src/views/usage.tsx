import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import * as api from "../api/account-routes.ts";
import type { Usage as UsageBody } from "../api/types.ts";
import { USAGE_TONES } from "../charts/usage-chart.ts";
import { UsageChartView } from "../charts/usage-chart-view.tsx";
import { Meter } from "../components/meter.tsx";
import { Section } from "../components/section.tsx";
import { calendarDay, date, duration, fixed } from "../i18n/format.ts";
import { t } from "../i18n/language.ts";
import { nameOf } from "../i18n/slug.ts";
import { Resource, useLoaded } from "../lib/resource.ts";
import { quotaState, usageSeries, type UsageSeries } from "../lib/usage.ts";
import { theme } from "../state/theme.ts";
import { Loaded } from "./loaded.tsx";

/** What the account has requested: its month, its days, and what is left of its limits. */
export function Usage(): JSX.Element {
  const { usage: texts } = t.value.account;
  const { refresh } = t.value.admin;
  const usage = useLoaded(() => new Resource("me", api.usage));
  const data = usage.data.value;
  return (
    <Section
      title={texts.title}
      class="usage"
      actions={
        <button type="button" class="button" disabled={usage.isLoading.value} onClick={() => void usage.load()}>
          {refresh}
        </button>
      }
    >
      <Loaded from={usage} label={texts.loading} isEmpty={data === null ? undefined : false} empty="">
        {data && (
          <>
            <Month month={data.month} />
            <Days usage={data} />
            <Buckets buckets={data.buckets} />
          </>
        )}
      </Loaded>
    </Section>
  );
}

const count = (value: number): string => fixed(value, 0);

function Month({ month }: { month: UsageBody["month"] }): JSX.Element {
  const { usage: texts } = t.value.account;
  const state = quotaState(month);
  const text =
    month.limit == null ? texts.unlimited(count(month.used)) : texts.used(count(month.used), count(month.limit));
  const tone = state === "exhausted" ? "alert" : state === "near" ? "warning" : "ok";
  return (
    <div class="month">
      <h3>{texts.month}</h3>
      <p class="month-used">
        <strong>{text}</strong>
        {month.limit != null && <span class="muted">{texts.resets(date(month.resets_at))}</span>}
      </p>
      {month.limit != null && (
        <Meter label={texts.month} value={month.used} max={month.limit} text={text} tone={tone} />
      )}
      {state === "near" && <p class="warn">{texts.nearLimit}</p>}
      {state === "exhausted" && <p class="down">{texts.exhausted}</p>}
    </div>
  );
}

function Days({ usage }: { usage: UsageBody }): JSX.Element {
  const { usage: texts } = t.value.account;
  const series = useMemo(() => usageSeries(usage), [usage]);
  const point = useSignal<number | null>(null);
  const { days, totals, total } = series;
  if (total === 0)
    return (
      <div class="days">
        <h3>{texts.perDay}</h3>
        <p class="empty">{texts.empty}</p>
      </div>
    );
  const most = Math.max(...totals);
  const day = (index: number): string => calendarDay(days[index] ?? "");
  const at = point.value;
  return (
    <div class="days">
      <div class="days-head">
        <h3>{texts.perDay}</h3>
        <span class="note">
          {at === null ? texts.total(count(total)) : texts.reading(day(at), count(totals[at] ?? 0))}
        </span>
      </div>
      <UsageChartView
        series={series}
        theme={theme}
        label={texts.chart(day(0), day(days.length - 1), count(total), count(most), day(totals.indexOf(most)))}
        onPoint={(next) => (point.value = next)}
      />
      <Legend series={series} point={at} />
      <DayTable series={series} />
    </div>
  );
}

const className = (name: string | null): string =>
  name === null ? t.value.account.usage.others : nameOf(t.value.account.policies, name);

/** The classes with their requests: of all days, or of the one below the pointer. */
function Legend({ series, point }: { series: UsageSeries; point: number | null }): JSX.Element {
  return (
    <ul class="legend">
      {series.classes.map(({ name, counts }, i) => (
        <li key={name ?? ""}>
          <span class="swatch" style={{ background: `var(--${USAGE_TONES[i] ?? "control-line"})` }} />
          {className(name)}
          <span class="muted">{count(point === null ? sum(counts) : (counts[point] ?? 0))}</span>
        </li>
      ))}
    </ul>
  );
}

const sum = (counts: number[]): number => counts.reduce((all, each) => all + each, 0);

/** The same numbers for readers who do not see the chart, newest first, without days on which nothing happened. */
function DayTable({ series }: { series: UsageSeries }): JSX.Element {
  const { usage: texts } = t.value.account;
  const rows = series.days.map((_, i) => i).filter((i) => (series.totals[i] ?? 0) > 0);
  return (
    <details class="disclosure">
      <summary>{texts.asTable}</summary>
      <div class="table-scroll" tabIndex={0} role="region" aria-label={texts.perDay}>
        <table class="day-table" aria-label={texts.perDay}>
          <thead>
            <tr>
              <th scope="col">{texts.day}</th>
              {series.classes.map(({ name }) => (
                <th key={name ?? ""} scope="col" class="number">
                  {className(name)}
                </th>
              ))}
              <th scope="col" class="number">
                {texts.sum}
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.reverse().map((i) => (
              <tr key={series.days[i]}>
                <th scope="row">{calendarDay(series.days[i] ?? "")}</th>
                {series.classes.map(({ name, counts }) => (
                  <td key={name ?? ""} class="number">
                    {count(counts[i] ?? 0)}
                  </td>
                ))}
                <td class="number">{count(series.totals[i] ?? 0)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function Buckets({ buckets }: { buckets: UsageBody["buckets"] }): JSX.Element {
  const { policies, usage: texts } = t.value.account;
  return (
    <div class="buckets">
      <h3>{texts.buckets}</h3>
      <p class="hint">{buckets.length === 0 ? texts.noBuckets : texts.bucketsAbout}</p>
      <ul>
        {buckets.map(({ policy, limit, window_seconds, remaining }) => {
          const name = nameOf(policies, policy);
          const text = texts.left(count(remaining), count(limit), duration(window_seconds * 1000));
          return (
            <li key={policy}>
              <span>{name}</span>
              <Meter label={name} value={remaining} max={limit} text={text} tone={remaining === 0 ? "alert" : "ok"} />
              <span class="muted">{text}</span>
            </li>
          );
        })}
      </ul>
    </div>
  );
}
