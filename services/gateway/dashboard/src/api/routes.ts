/** Every route that the dashboard uses, with its rate-limit policy. */
import type { Proof } from "./authority.ts";
import { request } from "./client.ts";
import type * as T from "./types.ts";

const V1 = "/api/v1";
const segment = encodeURIComponent;

async function enveloped<D>(reply: Promise<{ data: D }>): Promise<D> {
  return (await reply).data;
}

export const health = (signal?: AbortSignal): Promise<T.Health> => request("/health", { as: null, signal });

export const demoAccount = (): Promise<T.DemoAccount> => request("/demo/account", { as: null });

export const register = (email: string, password?: string): Promise<T.Reply<"post_users_register">> =>
  request(`${V1}/users/register`, {
    method: "POST",
    as: null,
    body: password === undefined ? { email } : { email, password },
  });

export const me = (as?: Proof): Promise<T.User> =>
  request(`${V1}/users/me`, { policy: "me", ...(as === undefined ? {} : { as }) });

export const quotes = (signal?: AbortSignal): Promise<T.Quote[]> =>
  enveloped(request<T.Reply<"get_quotes">>(`${V1}/quotes`, { policy: "market", signal }));

export const candles = (
  ticker: string,
  interval: T.Interval,
  limit: number,
  signal?: AbortSignal,
): Promise<T.Candle[]> =>
  enveloped(
    request<T.Reply<"get_candles_by_ticker">>(`${V1}/candles/${segment(ticker)}`, {
      policy: "market",
      query: { interval, limit },
      signal,
    }),
  );

export const stats = async (symbol: string, window: string, signal?: AbortSignal): Promise<T.Stats> => {
  const { data, metadata } = await request<T.Reply<"get_analytics_by_symbol_stats">>(
    `${V1}/analytics/${segment(symbol)}/stats`,
    { policy: "analytics", query: { window }, signal },
  );
  return { ...data, as_of: metadata.data_as_of };
};

export const timeseries = (
  symbol: string,
  query: { from: string; interval: T.Interval; series: string },
  signal?: AbortSignal,
): Promise<T.Timeseries> =>
  enveloped(
    request<T.Reply<"get_analytics_by_symbol_timeseries">>(`${V1}/analytics/${segment(symbol)}/timeseries`, {
      policy: "analytics",
      query,
      signal,
    }),
  );

export const correlation = (symbols: string[], window: string, signal?: AbortSignal): Promise<T.Correlation> =>
  enveloped(
    request<T.Reply<"get_analytics_correlation">>(`${V1}/analytics/correlation`, {
      policy: "analytics",
      query: { symbols: symbols.join(","), window, method: "pearson" },
      signal,
    }),
  );

export const monitors = (signal?: AbortSignal): Promise<T.Monitor[]> =>
  enveloped(request<T.Reply<"get_risk_monitors">>(`${V1}/risk/monitors`, { policy: "analytics", signal }));

/** Decimals are text with `numbers=string`, and numbers otherwise. */
type WireAlert = Omit<T.Alert, "target_price" | "last_value"> & {
  target_price: string | number;
  last_value?: string | number | null;
};

const alertOf = (wire: WireAlert, target = String(wire.target_price)): T.Alert => ({
  ...wire,
  target_price: target,
  last_value: wire.last_value == null ? null : Number(wire.last_value),
});

/** The largest page that the API gives. */
const PAGE_LIMIT = 1_000;

export const alerts = async (cursor: string | undefined, signal?: AbortSignal): Promise<T.Page<T.Alert>> => {
  let nextCursor: string | undefined;
  const list = await request<WireAlert[]>(`${V1}/alerts/`, {
    policy: "alerts",
    query: { numbers: "string", limit: PAGE_LIMIT, cursor },
    signal,
    onHeaders: (headers) => (nextCursor = headers.get("X-Next-Cursor") ?? undefined),
  });
  return { items: list.map((each) => alertOf(each)), nextCursor };
};

export const createAlert = async ({ target_price, ...rest }: T.AlertCreate): Promise<T.Alert> => {
  // `JSON.stringify` would round the target to a float, so its digits are inserted into the text.
  const body = JSON.stringify(rest).replace(/}$/, `,"target_price":${target_price}}`);
  return alertOf(await request<WireAlert>(`${V1}/alerts/`, { method: "POST", body }), target_price);
};

export const deleteAlert = (id: string): Promise<void> => request(`${V1}/alerts/${segment(id)}`, { method: "DELETE" });

export const alertEvents = (id: string, signal?: AbortSignal): Promise<T.AlertEvent[]> =>
  request(`${V1}/alerts/${segment(id)}/events`, { policy: "alerts", signal });

export const alertDeliveries = (id: string, signal?: AbortSignal): Promise<T.Delivery[]> =>
  request(`${V1}/alerts/${segment(id)}/deliveries`, { policy: "alerts", signal });

/** The newest thousand messages, each with its newest attempt. */
export const deliveries = (signal?: AbortSignal): Promise<T.DeliverySummary[]> =>
  request(`${V1}/deliveries`, { policy: "alerts", query: { limit: PAGE_LIMIT }, signal });

export const delivery = (id: string, signal?: AbortSignal): Promise<T.DeliveryDetail> =>
  request(`${V1}/deliveries/${segment(id)}`, { policy: "alerts", signal });

export const replayDelivery = (id: string): Promise<T.DeliverySummary> =>
  request(`${V1}/deliveries/${segment(id)}/replay`, { method: "POST", policy: "write" });

export const endpoints = (signal?: AbortSignal): Promise<T.WebhookEndpoint[]> =>
  request(`${V1}/webhooks/endpoints`, { policy: "write", query: { limit: 1000 }, signal });

export const enableEndpoint = (id: string): Promise<T.WebhookEndpoint> =>
  request(`${V1}/webhooks/endpoints/${segment(id)}/enable`, { method: "POST", policy: "write" });

export const endpointSecret = (id: string): Promise<T.Reply<"get_webhooks_endpoints_by_id_secret">> =>
  request(`${V1}/webhooks/endpoints/${segment(id)}/secret`);

export const testEndpoint = (id: string): Promise<T.Delivery> =>
  request(`${V1}/webhooks/endpoints/${segment(id)}/test`, { method: "POST", policy: "write" });
