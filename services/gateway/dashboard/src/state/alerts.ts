import { computed, effect, signal } from "@preact/signals";
import * as api from "../api/routes.ts";
import type { Alert, AlertCreate, AlertEvent, Delivery, WebhookEndpoint } from "../api/types.ts";
import { condition } from "../lib/condition.ts";
import { Poller } from "../lib/poller.ts";
import { startAlertDraft } from "./alert-draft.ts";
import { showToast } from "./toasts.ts";
import { key, onSignOut } from "./session.ts";

export const openAlertId = signal<string | null>(null);

/*
 * The rate limit of these routes is small: five requests in ten seconds. The list takes 1.7 of them, and the events
 * and deliveries of an open alert take 2.5 more.
 */
export const alerts = new Poller<Alert[]>({
  topic: "alerts",
  key: () => (key.value === null ? null : "alerts"),
  load: (_, signal) => api.alerts(signal),
  intervalMs: 6_000,
  policy: "alerts",
});

const openAlertKey = (): string | null => (key.value === null ? null : openAlertId.value);

export const events = new Poller<AlertEvent[]>({
  topic: "events",
  key: openAlertKey,
  load: (id, signal) => api.alertEvents(id, signal),
  intervalMs: 8_000,
  policy: "alerts",
});

export const deliveries = new Poller<Delivery[]>({
  topic: "deliveries",
  key: openAlertKey,
  load: (id, signal) => api.alertDeliveries(id, signal),
  intervalMs: 8_000,
  policy: "alerts",
});

/** The receivers: alerts of a disabled one are not delivered. */
export const endpoints = new Poller<WebhookEndpoint[]>({
  topic: "endpoints",
  key: () => (key.value !== null && alerts.data.value?.length ? "endpoints" : null),
  load: (_, signal) => api.endpoints(signal),
  intervalMs: 30_000,
  policy: "write",
});

export const endpointOf = (alert: Alert): WebhookEndpoint | null =>
  endpoints.data.value?.find((endpoint) => endpoint.id === alert.webhook_endpoint_id) ?? null;

export const openAlert = computed(() => alerts.data.value?.find((alert) => alert.id === openAlertId.value) ?? null);

onSignOut(() => {
  openAlertId.value = null;
  for (const poller of [alerts, events, deliveries, endpoints]) poller.clear();
});

export async function create(wanted: AlertCreate): Promise<void> {
  const alert = await api.createAlert(wanted);
  alerts.mutate((list) => [alert, ...list.filter((other) => other.id !== alert.id)]);
  alerts.refresh();
  showToast(`Alert created: ${condition(alert)}`);
}

export async function remove(alert: Alert): Promise<void> {
  await api.deleteAlert(alert.id);
  if (openAlertId.value === alert.id) openAlertId.value = null;
  alerts.mutate((list) => list.filter((other) => other.id !== alert.id));
  alerts.refresh();
  showToast(`Alert deleted: ${condition(alert)}`);
}

export async function enable(id: string): Promise<void> {
  const enabled = await api.enableEndpoint(id);
  endpoints.mutate((list) => list.map((each) => (each.id === id ? enabled : each)));
  endpoints.refresh();
  deliveries.refresh();
  showToast("Receiver enabled: what waited for it is sent now.");
}

export function startAlerts(): void {
  for (const poller of [alerts, events, deliveries, endpoints]) poller.start();
  startAlertDraft();
  announceFired();
}

/** Shows a toast when an alert that was armed in the last response has fired in this one. */
function announceFired(): void {
  let armed = new Set<string>();
  effect(() => {
    const list = alerts.data.value ?? [];
    for (const alert of list) {
      if (!alert.is_active && armed.has(alert.id)) {
        showToast(`Fired: ${condition(alert)}`);
        if (openAlertId.peek() === alert.id) {
          events.refresh();
          deliveries.refresh();
        }
      }
    }
    armed = new Set(list.filter((alert) => alert.is_active).map((alert) => alert.id));
  });
}
