import type { Usage } from "../api/types.ts";

/** Requests per day, for each class of routes. */
export interface UsageSeries {
  /** Every day of the time, oldest first, as `2026-11-29`: days of UTC, as the server counts them. */
  days: string[];
  /** The classes with the most requests first; those beyond the most that are told apart are together in the last. */
  classes: { name: string | null; counts: number[] }[];
  totals: number[];
  total: number;
}

const DAY_MS = 86_400_000;
/** More colours than these are not told apart. */
const MAX_CLASSES = 4;

const dayOf = (time: number): string => new Date(time).toISOString().slice(0, 10);

export function usageSeries({ from, to, days: entries }: Pick<Usage, "from" | "to" | "days">): UsageSeries {
  const days = daysBetween(from, to);
  const index = new Map(days.map((day, i) => [day, i]));
  const zeros = (): number[] => days.map(() => 0);
  const byClass = new Map<string, number[]>();
  for (const { day, route_class, requests } of entries) {
    const at = index.get(day.slice(0, 10));
    if (at === undefined) continue;
    const counts = byClass.get(route_class) ?? zeros();
    counts[at] = (counts[at] ?? 0) + requests;
    byClass.set(route_class, counts);
  }
  const sum = (counts: number[]): number => counts.reduce((all, count) => all + count, 0);
  const sorted = [...byClass]
    .map(([name, counts]) => ({ name: name, counts }))
    .sort((a, b) => sum(b.counts) - sum(a.counts) || (a.name ?? "").localeCompare(b.name ?? ""));
  const told = sorted.length > MAX_CLASSES ? sorted.slice(0, MAX_CLASSES - 1) : sorted;
  const rest = sorted.slice(told.length);
  const classes = rest.length > 0 ? [...told, { name: null, counts: addUp(rest, days.length) }] : told;
  const totals = addUp(classes, days.length);
  return { days, classes, totals, total: sum(totals) };
}

function addUp(classes: { counts: number[] }[], length: number): number[] {
  return Array.from({ length }, (_, i) => classes.reduce((all, { counts }) => all + (counts[i] ?? 0), 0));
}

/** The days of UTC from one time to another. An end at midnight has no requests of its day yet. */
function daysBetween(from: string, to: string): string[] {
  const [first, last] = [Date.parse(from), Date.parse(to)];
  if (!(first <= last)) return [];
  const days: string[] = [];
  for (let time = Date.parse(dayOf(first)); time <= last; time += DAY_MS) days.push(dayOf(time));
  return days;
}

/** For bars on top of each other: each class with those below it added. */
export function stacked({ classes, days }: UsageSeries): number[][] {
  const below = days.map(() => 0);
  return classes.map(({ counts }) => counts.map((count, i) => (below[i] = (below[i] ?? 0) + count)));
}

export type QuotaState = "unlimited" | "ok" | "near" | "exhausted";

/** Share from which a person should know. */
const NEAR = 0.8;

export function quotaState({ used, limit }: Usage["month"]): QuotaState {
  if (limit == null) return "unlimited";
  if (used >= limit) return "exhausted";
  return used >= limit * NEAR ? "near" : "ok";
}
