import { computed, signal } from "@preact/signals";
import { rateBudget } from "../api/client.ts";
import * as api from "../api/routes.ts";
import type { Alert, AlertEvent } from "../api/types.ts";
import { isFinal, outcomeOf, type Outcome } from "../lib/delivery.ts";
import { Poller } from "../lib/poller.ts";
import { alerts, deliveries, events, openAlert } from "./alerts.ts";
import { key, onSignOut } from "./session.ts";

/** The newest alerts that fired, for which the outcome is asked: it takes one request for each. */
const MAX_ASKED = 20;
/** A retry that is overdue for so long may have been given up, which only the events say. */
const OVERDUE_MS = 60_000;

type Outcomes = Record<string, Outcome>;

/** Outcomes by alert. What is over is not asked again; nothing is asked while nothing is under way. */
const loader = new Poller<Outcomes>({
  topic: "outcomes",
  key: () => (key.value !== null && alerts.data.value?.some((alert) => !alert.is_active) ? "outcomes" : null),
  load: loadOutcomes,
  intervalMs: 8_000,
  policy: "alerts",
});

async function loadOutcomes(_: string, abort: AbortSignal, report: (partial: Outcomes) => void): Promise<Outcomes> {
  const known: Outcomes = { ...loader.data.peek() };
  for (const { id } of newestFired(alerts.data.peek() ?? [])) {
    const before = known[id];
    if (before && isFinal(before)) continue;
    await rateBudget.turn("alerts", abort);
    known[id] = await load(id, abort);
    report({ ...known });
  }
  return known;
}

async function load(id: string, abort: AbortSignal): Promise<Outcome> {
  const attempts = await api.alertDeliveries(id, abort);
  const outcome = outcomeOf(attempts, false);
  if (outcome.kind !== "retrying" || Date.now() - outcome.nextAt < OVERDUE_MS) return outcome;
  await rateBudget.turn("alerts", abort);
  return outcomeOf(attempts, isGivenUp(await api.alertEvents(id, abort)));
}

function newestFired(list: Alert[]): Alert[] {
  const time = ({ triggered_at, updated_at }: Alert): number => Date.parse(triggered_at ?? updated_at);
  return list
    .filter((alert) => !alert.is_active)
    .sort((a, b) => time(b) - time(a))
    .slice(0, MAX_ASKED);
}

const isGivenUp = (list: readonly AlertEvent[]): boolean => list.some((event) => event.reason === "delivery_failed");

/** Whether the message of the open alert was given up. */
export const isOpenGivenUp = computed(() => isGivenUp(events.data.value ?? []));

/** What became of the webhook of an alert; `null` while it has not fired or that is not known. */
export function outcomeOfAlert(alert: Alert): Outcome | null {
  if (alert.is_active) return null;
  if (openAlert.value?.id === alert.id && deliveries.data.value?.length)
    return outcomeOf(deliveries.data.value, isOpenGivenUp.value);
  return loader.data.value?.[alert.id] ?? null;
}

export const failedAlerts = computed(() =>
  (alerts.data.value ?? []).filter((alert) => outcomeOfAlert(alert)?.kind === "failed"),
);

/** Failures that the person has put aside until the next visit. */
const seen = signal<ReadonlySet<string>>(new Set());

export const newFailures = computed(() => failedAlerts.value.filter((alert) => !seen.value.has(alert.id)));

export function dismissFailures(): void {
  seen.value = new Set(failedAlerts.peek().map((alert) => alert.id));
}

onSignOut(() => {
  loader.clear();
  seen.value = new Set();
});

export function startOutcomes(): void {
  loader.start();
}
