import { computed, effect } from "@preact/signals";
import { rateBudget } from "../api/client.ts";
import * as api from "../api/routes.ts";
import type { Alert, AlertCreate, AlertEvent, Delivery, WebhookEndpoint } from "../api/types.ts";
import { condition } from "../i18n/condition.ts";
import { t } from "../i18n/language.ts";
import { Poller } from "../lib/poller.ts";
import { startAlertDraft } from "./alert-draft.ts";
import { showToast } from "./toasts.ts";
import { quotes } from "./market.ts";
import { openAlertId } from "./selection.ts";
import { onSignOut, signedIn } from "./session.ts";

/*
 * The rate limit of these routes is small: five requests in ten seconds. The list takes 1.7 of them for each thousand
 * alerts, what became of the webhooks takes 1, and the events and attempts of an open alert take 2.1 more.
 */
export const alerts = new Poller<Alert[]>({
  topic: "alerts",
  key: () => (signedIn.value ? "alerts" : null),
  load: loadAlerts,
  intervalMs: 6_000,
  policy: "alerts",
});

/** Loads all pages: search, filters and order are those of the whole list. */
async function loadAlerts(_: string, abort: AbortSignal, report: (partial: Alert[]) => void): Promise<Alert[]> {
  const isFirstLoad = alerts.receivedAt.peek() === 0;
  const list: Alert[] = [];
  let cursor: string | undefined;
  for (;;) {
    const page = await api.alerts(cursor, abort);
    list.push(...page.items);
    cursor = page.nextCursor;
    if (cursor === undefined) return list;
    if (isFirstLoad) report([...list]);
    await rateBudget.turn("alerts", abort);
  }
}

/** Nothing is asked of an alert that an address names and that does not exist. */
const openAlertKey = (): string | null => (signedIn.value ? (openAlert.value?.id ?? null) : null);

export const events = new Poller<AlertEvent[]>({
  topic: "events",
  key: openAlertKey,
  load: (id, signal) => api.alertEvents(id, signal),
  intervalMs: 12_000,
  policy: "alerts",
});

export const deliveries = new Poller<Delivery[]>({
  topic: "deliveries",
  key: openAlertKey,
  load: (id, signal) => api.alertDeliveries(id, signal),
  intervalMs: 8_000,
  policy: "alerts",
});

/** The endpoints: alerts of a disabled one are not delivered. */
export const endpoints = new Poller<WebhookEndpoint[]>({
  topic: "endpoints",
  key: () => (signedIn.value && alerts.data.value?.length ? "endpoints" : null),
  load: (_, signal) => api.endpoints(signal),
  intervalMs: 30_000,
  policy: "write",
});

const endpointsById = computed(() => new Map(endpoints.data.value?.map((endpoint) => [endpoint.id, endpoint])));

export const endpointOf = (alert: Alert): WebhookEndpoint | null =>
  endpointsById.value.get(alert.webhook_endpoint_id) ?? null;

export const openAlert = computed(() => alerts.data.value?.find((alert) => alert.id === openAlertId.value) ?? null);

/** How far the target is from the price, in percent; `null` while there is no price. */
export function distanceOf({ ticker, target_price }: Alert): number | null {
  const current = quotes.data.value?.find((quote) => quote.ticker === ticker)?.price;
  return current === undefined ? null : (Number(target_price) / current - 1) * 100;
}

onSignOut(() => {
  for (const poller of [alerts, events, deliveries, endpoints]) poller.clear();
});

export async function create(wanted: AlertCreate): Promise<void> {
  const alert = await api.createAlert(wanted);
  alerts.mutate((list) => [alert, ...list.filter((other) => other.id !== alert.id)]);
  alerts.refresh();
  showToast(() => t.value.alerts.created(condition(alert)));
}

export async function remove(alert: Alert): Promise<void> {
  await api.deleteAlert(alert.id);
  if (openAlertId.value === alert.id) openAlertId.value = null;
  alerts.mutate((list) => list.filter((other) => other.id !== alert.id));
  alerts.refresh();
  showToast(() => t.value.alerts.deleted(condition(alert)));
}

export async function enable(id: string): Promise<void> {
  const enabled = await api.enableEndpoint(id);
  endpoints.mutate((list) => list.map((each) => (each.id === id ? enabled : each)));
  endpoints.refresh();
  deliveries.refresh();
  showToast(() => t.value.endpoint.enabled);
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
        showToast(() => t.value.alerts.fired(condition(alert)));
        if (openAlertId.peek() === alert.id) {
          events.refresh();
          deliveries.refresh();
        }
      }
    }
    armed = new Set(list.filter((alert) => alert.is_active).map((alert) => alert.id));
  });
}
