// Calls every operation once with a client made of the generated types. That it compiles is half of the test.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";

import createClient from "openapi-fetch";

import type { components, operations, paths } from "./generated/openapi.ts";

type Alert = components["schemas"]["AlertBody"];
type Registered = components["schemas"]["RegisteredBody"];

interface Description {
  paths: Record<string, Record<string, { operationId: string; responses: Record<string, unknown> }>>;
}

// Statuses that every operation documents, but that say that the client or the platform is wrong.
const FAULTS = [400, 401, 403, 422, 500];

const { STACK_URL: baseUrl = "", STACK_API_KEY: apiKey = "" } = process.env;
const { STACK_ADMIN_USER: administrator = "", STACK_ADMIN_PASS: password = "" } = process.env;
const client = createClient<paths>({ baseUrl, headers: { "X-API-Key": apiKey } });

let created: Alert | undefined;
let registered: Registered | undefined;
let delivery = "";
let refreshToken = "";
let key = "";
let override = "";

function alert(): Alert {
  assert(created, "post_alerts comes first and creates an alert");
  return created;
}

const ofAlert = () => ({ params: { path: { id: alert().id } } });
const ofEndpoint = () => ({ params: { path: { id: alert().webhook_endpoint_id } } });
const ofDelivery = () => ({ params: { path: { id: delivery } } });

// In the order in which they are called. A name that is missing or too many is a type error.
const calls: Record<keyof operations, () => Promise<{ response: Response }>> = {
  get_rates: async () => {
    const answer = await client.GET("/api/v1/rates/");
    for (const price of Object.values(answer.data ?? {})) {
      const doubled: number = price * 2;
      assert(doubled > price);
    }
    return answer;
  },
  get_quotes: () =>
    client.GET("/api/v1/quotes", { params: { query: { tickers: "BTC,ETH", convert: "USD" } } }),
  get_quotes_by_ticker: async () => {
    const answer = await client.GET("/api/v1/quotes/{ticker}", { params: { path: { ticker: "BTC" } } });
    if (answer.data) {
      const quote = answer.data.data;
      const doubled: number = quote.price * 2;
      assert(doubled > quote.price);
      // @ts-expect-error The quality is one of three words, and this is none of them.
      assert(quote.quality !== "excellent");
    }
    return answer;
  },
  get_price_by_coin_id: async () => {
    const path = { coin_id: "bitcoin" };
    const query = { max_age_ms: 60_000 };
    const answer = await client.GET("/api/v1/price/{coin_id}", { params: { path, query } });
    if (answer.data) {
      const doubled: number = answer.data.price * 2;
      assert(doubled > answer.data.price);
      assert.equal(answer.data.coinId, "bitcoin");
    }
    return answer;
  },
  get_price_by_coin_id_history: async () => {
    const path = { coin_id: "bitcoin" };
    const query = { limit: 5, page: 1 };
    const answer = await client.GET("/api/v1/price/{coin_id}/history", { params: { path, query } });
    assert(answer.data?.items.every((item) => item.price > 0) ?? true);
    return answer;
  },
  get_candles_by_ticker: async () => {
    const path = { ticker: "BTC" };
    const query = { interval: "1h", from: "2026-01-01T00:00:00Z", limit: 3 } as const;
    const answer = await client.GET("/api/v1/candles/{ticker}", { params: { path, query } });
    for (const candle of answer.data?.data ?? []) {
      const range: number = candle.h - candle.l;
      assert(range >= 0);
    }
    return answer;
  },
  get_market_overview: () => client.GET("/api/v1/market/overview"),
  get_tokens: async () => {
    const query = { limit: 3, sort: "velocity", min_market_cap: 1000 } as const;
    const answer = await client.GET("/api/v1/tokens", { params: { query } });
    assert(answer.data?.data.every((token) => token.id > 0) ?? true);
    return answer;
  },
  get_tokens_search: () => client.GET("/api/v1/tokens/search", { params: { query: { q: "bit", limit: 3 } } }),
  get_tokens_by_token_id: () =>
    client.GET("/api/v1/tokens/{token_id}", { params: { path: { token_id: "bitcoin" } } }),
  get_tokens_by_token_id_velocity: () => {
    const query = { timeframe: "24h", include_history: true } as const;
    const params = { path: { token_id: "bitcoin" }, query };
    return client.GET("/api/v1/tokens/{token_id}/velocity", { params });
  },
  get_tokens_by_token_id_history: () => {
    const params = { path: { token_id: "1" }, query: { interval: "1h", limit: 3 } } as const;
    return client.GET("/api/v1/tokens/{token_id}/history", { params });
  },
  get_analytics_by_symbol_stats: () =>
    client.GET("/api/v1/analytics/{symbol}/stats", {
      params: { path: { symbol: "BTC" }, query: { window: "7d", returns: "log" } },
    }),
  get_analytics_by_symbol_timeseries: () =>
    client.GET("/api/v1/analytics/{symbol}/timeseries", {
      params: { path: { symbol: "BTC" }, query: { max_points: 10 } },
    }),
  get_analytics_correlation: () =>
    client.GET("/api/v1/analytics/correlation", {
      params: { query: { symbols: "BTC,ETH", method: "spearman" } },
    }),
  get_risk_monitors: async () => {
    const answer = await client.GET("/api/v1/risk/monitors");
    for (const monitor of answer.data?.data ?? []) {
      // @ts-expect-error The level is one of three words, and this is none of them.
      assert(monitor.level !== "Fine");
    }
    return answer;
  },
  post_alerts: async () => {
    const answer = await client.POST("/api/v1/alerts/", {
      params: { header: { "Idempotency-Key": randomUUID() } },
      body: {
        ticker: "BTC",
        kind: "price",
        condition: "gt",
        target_price: 900_000_000.5,
        webhook_url: "http://127.0.0.1:9999/generated-clients",
      },
    });
    created = answer.data;
    assert.equal(alert().target_price * 2, 1_800_000_001);
    assert(alert().state === "armed" || alert().state === "no_data");
    return answer;
  },
  get_alerts: () => client.GET("/api/v1/alerts/", { params: { query: { active: true, kind: "price" } } }),
  get_alerts_by_id: () => client.GET("/api/v1/alerts/{id}", ofAlert()),
  get_alerts_by_id_events: () => client.GET("/api/v1/alerts/{id}/events", ofAlert()),
  get_alerts_by_id_deliveries: () => client.GET("/api/v1/alerts/{id}/deliveries", ofAlert()),
  get_webhooks_endpoints: () =>
    client.GET("/api/v1/webhooks/endpoints", { params: { query: { limit: 10 } } }),
  get_webhooks_endpoints_by_id: () => client.GET("/api/v1/webhooks/endpoints/{id}", ofEndpoint()),
  get_webhooks_endpoints_by_id_secret: () =>
    client.GET("/api/v1/webhooks/endpoints/{id}/secret", ofEndpoint()),
  post_webhooks_endpoints_by_id_test: async () => {
    const answer = await client.POST("/api/v1/webhooks/endpoints/{id}/test", ofEndpoint());
    delivery = answer.data?.id ?? "";
    return answer;
  },
  get_deliveries: () =>
    client.GET("/api/v1/deliveries", {
      params: { query: { endpoint_id: alert().webhook_endpoint_id, status: "pending", limit: 10 } },
    }),
  get_deliveries_by_id: () => client.GET("/api/v1/deliveries/{id}", ofDelivery()),
  post_deliveries_by_id_replay: () => client.POST("/api/v1/deliveries/{id}/replay", ofDelivery()),
  post_deliveries_replay: () =>
    client.POST("/api/v1/deliveries/replay", {
      body: {
        endpoint_id: alert().webhook_endpoint_id,
        from: "2026-01-01T00:00:00Z",
        to: "2026-01-02T00:00:00Z",
      },
    }),
  post_webhooks_endpoints_by_id_enable: () =>
    client.POST("/api/v1/webhooks/endpoints/{id}/enable", ofEndpoint()),
  post_webhooks_verify: () =>
    client.POST("/api/v1/webhooks/verify", {
      body: { secret: "whsec_c2VjcmV0", headers: { "webhook-id": "1" }, body: "{}" },
    }),
  delete_alerts_by_id: () => client.DELETE("/api/v1/alerts/{id}", ofAlert()),
  post_auth_login: async () => {
    const answer = await client.POST("/api/v1/auth/login", {
      body: { username: administrator, password },
    });
    refreshToken = answer.data?.refreshToken ?? "";
    return answer;
  },
  post_auth_refresh: async () => {
    const answer = await client.POST("/api/v1/auth/refresh", { body: { refreshToken } });
    refreshToken = answer.data?.refreshToken ?? "";
    return answer;
  },
  post_auth_token: () => client.POST("/api/v1/auth/token"),
  post_auth_stream_ticket: () =>
    client.POST("/api/v1/auth/stream-ticket", { body: { scope: ["stream:read"] } }),
  post_auth_logout: () => client.POST("/api/v1/auth/logout", { body: { refreshToken } }),
  get_keys: () => client.GET("/api/v1/keys"),
  post_keys: async () => {
    const answer = await client.POST("/api/v1/keys", {
      body: { name: "client", scopes: ["market:read"], ip_allow: ["127.0.0.0/8"] },
    });
    key = answer.data?.id ?? "";
    return answer;
  },
  post_keys_by_id_rotate: async () => {
    const answer = await client.POST("/api/v1/keys/{id}/rotate", {
      params: { path: { id: key } },
      body: { overlap_seconds: 0 },
    });
    key = answer.data?.id ?? "";
    return answer;
  },
  delete_keys_by_id: () => client.DELETE("/api/v1/keys/{id}", { params: { path: { id: key } } }),
  post_users_register: async () => {
    const answer = await client.POST("/api/v1/users/register", {
      body: { email: `${randomUUID()}@example.com` },
    });
    registered = answer.data;
    return answer;
  },
  get_users_me: () => client.GET("/api/v1/users/me"),
  patch_users_me: () => client.PATCH("/api/v1/users/me", { body: {} }),
  get_users_me_usage: () => client.GET("/api/v1/users/me/usage"),
  get_users_me_export: () => client.GET("/api/v1/users/me/export"),
  get_admin_users: () => client.GET("/api/v1/admin/users", { params: { query: { role: "reader", limit: 10 } } }),
  patch_admin_users_by_id: () =>
    client.PATCH("/api/v1/admin/users/{id}", {
      params: { path: { id: registered?.id ?? "" } },
      body: { tier: "basic" },
    }),
  get_admin_keys: () => client.GET("/api/v1/admin/keys", { params: { query: { limit: 10 } } }),
  delete_admin_keys_by_id: () =>
    client.DELETE("/api/v1/admin/keys/{id}", { params: { path: { id: randomUUID() } } }),
  get_admin_limits: () => client.GET("/api/v1/admin/limits", { params: { query: { limit: 10 } } }),
  post_admin_limits: async () => {
    const answer = await client.POST("/api/v1/admin/limits", {
      body: { policy: "quota", limit: 1000, user_id: registered?.id ?? "" },
    });
    override = answer.data?.id ?? "";
    return answer;
  },
  delete_admin_limits_by_id: () =>
    client.DELETE("/api/v1/admin/limits/{id}", { params: { path: { id: override } } }),
  get_admin_ip_blocks: () => client.GET("/api/v1/admin/ip-blocks"),
  post_admin_ip_blocks: () =>
    client.POST("/api/v1/admin/ip-blocks", { body: { address: "203.0.113.7", seconds: 60 } }),
  delete_admin_ip_blocks_by_address: () =>
    client.DELETE("/api/v1/admin/ip-blocks/{address}", { params: { path: { address: "203.0.113.7" } } }),
  get_admin_audit: () => client.GET("/api/v1/admin/audit", { params: { query: { limit: 10 } } }),
  delete_users_me: () =>
    client.DELETE("/api/v1/users/me", {
      headers: { "X-API-Key": registered?.api_key ?? "" },
      body: { confirm: registered?.email ?? "" },
    }),
  get_status: () => client.GET("/api/v1/status"),
  get_health: () => client.GET("/health"),
  get_health_live: () => client.GET("/health/live"),
  get_health_ready: () => client.GET("/health/ready"),
  get_openapi_json: () => client.GET("/openapi.json"),
  get_docs_json: () => client.GET("/docs-json"),
  get_demo_account: () => client.GET("/demo/account"),
};

const description = JSON.parse(readFileSync("generated/openapi.json", "utf8")) as Description;
const described = Object.values(description.paths).flatMap((item) => Object.values(item));
const documented = new Map(described.map((operation) => [operation.operationId, operation.responses]));
assert.deepEqual(Object.keys(calls).sort(), [...documented.keys()].sort());

for (const [name, call] of Object.entries(calls)) {
  const { status } = (await call()).response;
  assert(String(status) in (documented.get(name) ?? {}), `${name}: ${status} is not documented`);
  assert(!FAULTS.includes(status), `${name}: ${status}`);
  console.log(`${status} ${name}`);
}
