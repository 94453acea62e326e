// Calls every operation once with the client of openapi-generator's `typescript-fetch`. That it compiles is half of the test.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";

import {
  AdministrationApi,
  AlertsApi,
  AnalyticsApi,
  Configuration,
  MarketApi,
  PriceApi,
  ResponseError,
  SystemApi,
  TokensApi,
  UsersApi,
  WebhooksApi,
} from "./generated/typescript/index.ts";
import type { AlertBody, ApiResponse, QuoteBody, RegisteredBody } from "./generated/typescript/index.ts";

interface Description {
  paths: Record<string, Record<string, { operationId: string; responses: Record<string, unknown> }>>;
}

// Statuses that every operation documents, but that say that the client or the platform is wrong.
const FAULTS = [400, 401, 403, 422, 500];

const { STACK_URL: basePath = "", STACK_API_KEY: apiKey = "" } = process.env;
const { STACK_ADMIN_USER: administrator = "", STACK_ADMIN_PASS: password = "" } = process.env;
const configuration = new Configuration({ basePath, apiKey });
const market = new MarketApi(configuration);
const prices = new PriceApi(configuration);
const tokens = new TokensApi(configuration);
const analytics = new AnalyticsApi(configuration);
const alerts = new AlertsApi(configuration);
const webhooks = new WebhooksApi(configuration);
const users = new UsersApi(configuration);
const administration = new AdministrationApi(configuration);
const system = new SystemApi(configuration);

let created: AlertBody | undefined;
let registered: RegisteredBody | undefined;
let delivery = "";
let refreshToken = "";
let key = "";
let override = "";

function alert(): AlertBody {
  assert(created, "post_alerts comes first and creates an alert");
  return created;
}

function user(): RegisteredBody {
  assert(registered, "post_users_register comes first and makes a user");
  return registered;
}

const ofAlert = () => ({ id: alert().id });
const ofEndpoint = () => ({ id: alert().webhookEndpointId });

// The client reads a body only when it is asked for it, and throws for every status that is not 2xx.
async function status<T>(
  answer: Promise<ApiResponse<T>>,
  check: (body: T) => void = () => undefined,
): Promise<number> {
  try {
    const response = await answer;
    check(await response.value());
    return response.raw.status;
  } catch (error) {
    if (error instanceof ResponseError) return error.response.status;
    throw error;
  }
}

function checkQuote(quote: QuoteBody): void {
  const doubled: number = quote.price * 2;
  assert(doubled > quote.price);
  assert(!Number.isNaN(quote.asOf.getTime()));
  // @ts-expect-error The quality is one of three words, and this is none of them.
  assert(quote.quality !== "excellent");
}

// In the order in which they are called.
const calls: Record<string, () => Promise<number>> = {
  get_rates: () =>
    status(market.getRatesRaw({}), (rates) => {
      for (const price of Object.values(rates)) {
        const doubled: number = price * 2;
        assert(doubled > price);
      }
    }),
  get_quotes: () =>
    status(market.getQuotesRaw({ tickers: "BTC,ETH", convert: "USD" }), ({ data }) =>
      data.forEach(checkQuote),
    ),
  get_quotes_by_ticker: () =>
    status(market.getQuotesByTickerRaw({ ticker: "BTC" }), ({ data }) => checkQuote(data)),
  get_price_by_coin_id: () =>
    status(prices.getPriceByCoinIdRaw({ coinId: "bitcoin", maxAgeMs: 60_000 }), ({ coinId, price, fetchedAt }) => {
      const doubled: number = price * 2;
      assert(doubled > price && !Number.isNaN(fetchedAt.getTime()));
      assert.equal(coinId, "bitcoin");
    }),
  get_price_by_coin_id_history: () =>
    status(prices.getPriceByCoinIdHistoryRaw({ coinId: "bitcoin", limit: 5, page: 1 }), ({ items }) =>
      assert(items.every((item) => item.price > 0)),
    ),
  get_candles_by_ticker: () => {
    const from = new Date("2026-01-01T00:00:00Z");
    return status(
      market.getCandlesByTickerRaw({ ticker: "BTC", interval: "1h", from, limit: 3 }),
      ({ data }) => {
        for (const candle of data) {
          const range: number = candle.h - candle.l;
          assert(range >= 0);
        }
      },
    );
  },
  get_market_overview: () => status(tokens.getMarketOverviewRaw({})),
  get_tokens: () =>
    status(tokens.getTokensRaw({ limit: 3, sort: "velocity", minMarketCap: 1000 }), ({ data }) =>
      assert(data.every((token) => token.id > 0)),
    ),
  get_tokens_search: () => status(tokens.getTokensSearchRaw({ q: "bit", limit: 3 })),
  get_tokens_by_token_id: () => status(tokens.getTokensByTokenIdRaw({ tokenId: "bitcoin" })),
  get_tokens_by_token_id_velocity: () =>
    status(tokens.getTokensByTokenIdVelocityRaw({ tokenId: "bitcoin", timeframe: "24h", includeHistory: true })),
  get_tokens_by_token_id_history: () =>
    status(tokens.getTokensByTokenIdHistoryRaw({ tokenId: "1", interval: "1h", limit: 3 })),
  get_analytics_by_symbol_stats: () =>
    status(analytics.getAnalyticsBySymbolStatsRaw({ symbol: "BTC", window: "7d", returns: "log" })),
  get_analytics_by_symbol_timeseries: () =>
    status(
      analytics.getAnalyticsBySymbolTimeseriesRaw({ symbol: "BTC", from: 1_767_225_600, maxPoints: 10 }),
    ),
  get_analytics_correlation: () =>
    status(analytics.getAnalyticsCorrelationRaw({ symbols: "BTC,ETH", method: "spearman" })),
  get_risk_monitors: () =>
    status(analytics.getRiskMonitorsRaw({}), ({ data }) => {
      // @ts-expect-error The level is one of three words, and this is none of them.
      assert(data.every((monitor) => monitor.level !== "Fine"));
    }),
  post_alerts: () => {
    const alertCreate = {
      ticker: "BTC",
      kind: "price",
      condition: "gt",
      targetPrice: 900_000_000.5,
      webhookUrl: "http://127.0.0.1:9999/generated-clients",
    } as const;
    return status(alerts.postAlertsRaw({ alertCreate, idempotencyKey: randomUUID() }), (body) => {
      created = body;
      assert.equal(body.targetPrice * 2, 1_800_000_001);
      assert(body.state === "armed" || body.state === "no_data");
    });
  },
  get_alerts: () => status(alerts.getAlertsRaw({ active: true, kind: "price" })),
  get_alerts_by_id: () => status(alerts.getAlertsByIdRaw(ofAlert())),
  get_alerts_by_id_events: () => status(alerts.getAlertsByIdEventsRaw(ofAlert())),
  get_alerts_by_id_deliveries: () => status(alerts.getAlertsByIdDeliveriesRaw(ofAlert())),
  get_webhooks_endpoints: () => status(webhooks.getWebhooksEndpointsRaw({ limit: 10 })),
  get_webhooks_endpoints_by_id: () => status(webhooks.getWebhooksEndpointsByIdRaw(ofEndpoint())),
  get_webhooks_endpoints_by_id_secret: () => status(webhooks.getWebhooksEndpointsByIdSecretRaw(ofEndpoint())),
  post_webhooks_endpoints_by_id_test: () =>
    status(webhooks.postWebhooksEndpointsByIdTestRaw(ofEndpoint()), ({ id }) => {
      delivery = id;
    }),
  get_deliveries: () =>
    status(
      webhooks.getDeliveriesRaw({ endpointId: alert().webhookEndpointId, status: "pending", limit: 10 }),
    ),
  get_deliveries_by_id: () => status(webhooks.getDeliveriesByIdRaw({ id: delivery })),
  post_deliveries_by_id_replay: () => status(webhooks.postDeliveriesByIdReplayRaw({ id: delivery })),
  post_deliveries_replay: () => {
    const endpointId = alert().webhookEndpointId;
    const [from, to] = [new Date("2026-01-01T00:00:00Z"), new Date("2026-01-02T00:00:00Z")];
    return status(webhooks.postDeliveriesReplayRaw({ replayRequest: { endpointId, from, to } }));
  },
  post_webhooks_endpoints_by_id_enable: () =>
    status(webhooks.postWebhooksEndpointsByIdEnableRaw(ofEndpoint())),
  post_webhooks_verify: () =>
    status(
      webhooks.postWebhooksVerifyRaw({
        verify: { secret: "whsec_c2VjcmV0", headers: { "webhook-id": "1" }, body: "{}" },
      }),
    ),
  delete_alerts_by_id: () => status(alerts.deleteAlertsByIdRaw(ofAlert())),
  post_auth_login: () =>
    status(users.postAuthLoginRaw({ loginRequest: { username: administrator, password } }), (tokens) => {
      refreshToken = tokens.refreshToken;
    }),
  post_auth_refresh: () =>
    status(users.postAuthRefreshRaw({ refreshRequest: { refreshToken } }), (tokens) => {
      refreshToken = tokens.refreshToken;
    }),
  post_auth_token: () => status(users.postAuthTokenRaw({})),
  post_auth_stream_ticket: () =>
    status(users.postAuthStreamTicketRaw({ ticketRequest: { scope: ["stream:read"] } })),
  post_auth_logout: () => status(users.postAuthLogoutRaw({ logoutRequest: { refreshToken } })),
  get_keys: () => status(users.getKeysRaw({})),
  post_keys: () =>
    status(
      users.postKeysRaw({ keyCreate: { name: "client", scopes: ["market:read"], ipAllow: ["127.0.0.0/8"] } }),
      ({ id }) => {
        key = id;
      },
    ),
  post_keys_by_id_rotate: () =>
    status(users.postKeysByIdRotateRaw({ id: key, keyRotation: { overlapSeconds: 0 } }), ({ id }) => {
      key = id;
    }),
  delete_keys_by_id: () => status(users.deleteKeysByIdRaw({ id: key })),
  post_users_register: () =>
    status(
      users.postUsersRegisterRaw({ registerRequest: { email: `${randomUUID()}@example.com` } }),
      (body) => {
        registered = body;
      },
    ),
  get_users_me: () => status(users.getUsersMeRaw({})),
  patch_users_me: () => status(users.patchUsersMeRaw({ accountChange: {} })),
  get_users_me_usage: () => status(users.getUsersMeUsageRaw({})),
  get_users_me_export: () => status(users.getUsersMeExportRaw({})),
  get_admin_users: () => status(administration.getAdminUsersRaw({ role: "reader", limit: 10 })),
  patch_admin_users_by_id: () =>
    status(administration.patchAdminUsersByIdRaw({ id: user().id, userChange: { tier: "basic" } })),
  get_admin_keys: () => status(administration.getAdminKeysRaw({ limit: 10 })),
  delete_admin_keys_by_id: () => status(administration.deleteAdminKeysByIdRaw({ id: randomUUID() })),
  get_admin_limits: () => status(administration.getAdminLimitsRaw({ limit: 10 })),
  post_admin_limits: () => {
    const limitOverrideRequest = { policy: "quota", limit: 1000, userId: user().id } as const;
    return status(administration.postAdminLimitsRaw({ limitOverrideRequest }), ({ id }) => {
      override = id;
    });
  },
  delete_admin_limits_by_id: () => status(administration.deleteAdminLimitsByIdRaw({ id: override })),
  get_admin_ip_blocks: () => status(administration.getAdminIpBlocksRaw({})),
  post_admin_ip_blocks: () =>
    status(
      administration.postAdminIpBlocksRaw({ ipBlockRequest: { address: "203.0.113.7", seconds: 60 } }),
    ),
  delete_admin_ip_blocks_by_address: () =>
    status(administration.deleteAdminIpBlocksByAddressRaw({ address: "203.0.113.7" })),
  get_admin_audit: () => status(administration.getAdminAuditRaw({ limit: 10 })),
  delete_users_me: () => {
    const { apiKey, email } = user();
    const own = new UsersApi(new Configuration({ basePath, apiKey }));
    return status(own.deleteUsersMeRaw({ accountErasure: { confirm: email } }));
  },
  get_status: () => status(system.getStatusRaw({})),
  get_health: () => status(system.getHealthRaw({})),
  get_health_live: () => status(system.getHealthLiveRaw()),
  get_health_ready: () => status(system.getHealthReadyRaw()),
  get_openapi_json: () => status(system.getOpenapiJsonRaw()),
  get_docs_json: () => status(system.getDocsJsonRaw()),
  get_demo_account: () => status(system.getDemoAccountRaw()),
};

const description = JSON.parse(readFileSync("generated/openapi.json", "utf8")) as Description;
const described = Object.values(description.paths).flatMap((item) => Object.values(item));
const documented = new Map(described.map((operation) => [operation.operationId, operation.responses]));
assert.deepEqual(Object.keys(calls).sort(), [...documented.keys()].sort());

for (const [name, call] of Object.entries(calls)) {
  const answered = await call();
  assert(String(answered) in (documented.get(name) ?? {}), `${name}: ${answered} is not documented`);
  assert(!FAULTS.includes(answered), `${name}: ${answered}`);
  console.log(`${answered} ${name}`);
}
