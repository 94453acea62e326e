import { computed, effect, signal, untracked } from "@preact/signals";
import * as api from "../api/routes.ts";
import type { Alert, DeliverySummary } from "../api/types.ts";
import { t } from "../i18n/language.ts";
import { outcomeOf, type Outcome } from "../lib/delivery.ts";
import { Poller } from "../lib/poller.ts";
import { alerts, deliveries, openAlert } from "./alerts.ts";
import { onSignOut, signedIn } from "./session.ts";
import { showToast } from "./toasts.ts";

/** The newest messages of the account, while it has alerts that fired. */
const summaries = new Poller<DeliverySummary[]>({
  topic: "outcomes",
  key: () => (signedIn.value && alerts.data.value?.some((alert) => !alert.is_active) ? "outcomes" : null),
  load: (_, abort) => api.deliveries(abort),
  intervalMs: 10_000,
  policy: "alerts",
});

/** The newest message of each alert: they are listed newest first. */
const byAlert = computed(() => {
  const newest = new Map<string, DeliverySummary>();
  for (const each of summaries.data.value ?? [])
    if (each.alert_id && !newest.has(each.alert_id)) newest.set(each.alert_id, each);
  return newest;
});

/** The message of an alert that fired; `null` while it has not, and when it is older than those that are known. */
export const deliveryOf = (alert: Alert): DeliverySummary | null =>
  alert.is_active ? null : (byAlert.value.get(alert.id) ?? null);

export function outcomeOfAlert(alert: Alert): Outcome | null {
  const delivery = deliveryOf(alert);
  return delivery && outcomeOf(delivery);
}

export const failedAlerts = computed(() =>
  (alerts.data.value ?? []).filter((alert) => deliveryOf(alert)?.status === "failed"),
);

/** Failures that the person has put aside until the next visit. */
const seen = signal<ReadonlySet<string>>(new Set());

export const newFailures = computed(() => failedAlerts.value.filter((alert) => !seen.value.has(alert.id)));

export function dismissFailures(): void {
  seen.value = new Set(failedAlerts.peek().map((alert) => alert.id));
}

/** Sends a message that was given up once more. */
export async function sendAgain(delivery: DeliverySummary): Promise<void> {
  const replayed = await api.replayDelivery(delivery.id);
  summaries.mutate((list) => list.map((each) => (each.id === replayed.id ? replayed : each)));
  summaries.refresh();
  deliveries.refresh();
  showToast(() => t.value.deliveries.sentAgain);
}

onSignOut(() => {
  summaries.clear();
  seen.value = new Set();
});

export function startOutcomes(): void {
  summaries.start();
  // What the details know already, the list says too, without waiting for its turn.
  effect(() => {
    const attempt = deliveries.data.value?.[0];
    const alert = openAlert.value;
    if (!attempt || !alert) return;
    untracked(() => {
      const known = byAlert.value.get(alert.id);
      if (known?.id !== attempt.id || known.attempt !== attempt.attempt) summaries.refresh();
    });
  });
}
