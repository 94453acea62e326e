import { computed, effect, signal } from "@preact/signals";
import * as api from "../api/routes.ts";
import type { Alert, AlertCreate, AlertEvent, Delivery, WebhookEndpoint } from "../api/types.ts";
import { condition } from "../lib/condition.ts";
import { Live } from "../lib/live.ts";
import { notify } from "./notices.ts";
import { key, onSignOut } from "./session.ts";

/** The alert whose details are open. */
export const opened = signal<string | null>(null);
/** Whether the form for a new alert is open. */
export const creating = signal(false);

/*
 * The budget of this route family is small: five reads in ten seconds. The list alone takes 1.7 of
 * them; with open details the two below take 2.5 more.
 */
export const alerts = new Live<Alert[]>({
  topic: "alerts",
  key: () => (key.value === null ? null : "alerts"),
  load: (_, signal) => api.alerts(signal),
  everyMs: 6_000,
  policy: "alerts",
});

const openedKey = (): string | null => (key.value === null ? null : opened.value);

export const events = new Live<AlertEvent[]>({
  topic: "events",
  key: openedKey,
  load: (id, signal) => api.alertEvents(id, signal),
  everyMs: 8_000,
  policy: "alerts",
});

export const deliveries = new Live<Delivery[]>({
  topic: "deliveries",
  key: openedKey,
  load: (id, signal) => api.alertDeliveries(id, signal),
  everyMs: 8_000,
  policy: "alerts",
});

/** The receivers, of which a disabled one keeps its alerts from being heard. */
export const endpoints = new Live<WebhookEndpoint[]>({
  topic: "endpoints",
  key: () => (key.value !== null && alerts.data.value?.length ? "endpoints" : null),
  load: (_, signal) => api.endpoints(signal),
  everyMs: 30_000,
  policy: "write",
});

export const endpointOf = (alert: Alert): WebhookEndpoint | null =>
  endpoints.data.value?.find((endpoint) => endpoint.id === alert.webhook_endpoint_id) ?? null;

export const openedAlert = computed(() => alerts.data.value?.find((alert) => alert.id === opened.value) ?? null);

onSignOut(() => {
  opened.value = null;
  creating.value = false;
  for (const live of [alerts, events, deliveries, endpoints]) live.clear();
});

export async function create(wanted: AlertCreate): Promise<void> {
  const alert = await api.createAlert(wanted);
  alerts.amend((list) => [alert, ...list.filter((other) => other.id !== alert.id)]);
  alerts.refresh();
  notify(`Alert created: ${condition(alert)}`);
}

export async function remove(alert: Alert): Promise<void> {
  await api.deleteAlert(alert.id);
  if (opened.value === alert.id) opened.value = null;
  alerts.amend((list) => list.filter((other) => other.id !== alert.id));
  alerts.refresh();
  notify(`Alert deleted: ${condition(alert)}`);
}

export async function enable(id: string): Promise<void> {
  const enabled = await api.enableEndpoint(id);
  endpoints.amend((list) => list.map((each) => (each.id === id ? enabled : each)));
  endpoints.refresh();
  deliveries.refresh();
  notify("Receiver enabled: what waited for it is sent now.");
}

export function startAlerts(): void {
  for (const live of [alerts, events, deliveries, endpoints]) live.start();
  announceFired();
}

/** Says when an alert that was armed in the last answer has fired in this one. */
function announceFired(): void {
  let armed = new Set<string>();
  effect(() => {
    const list = alerts.data.value ?? [];
    for (const alert of list) {
      if (!alert.is_active && armed.has(alert.id)) {
        notify(`Fired: ${condition(alert)}`);
        if (opened.peek() === alert.id) {
          events.refresh();
          deliveries.refresh();
        }
      }
    }
    armed = new Set(list.filter((alert) => alert.is_active).map((alert) => alert.id));
  });
}
