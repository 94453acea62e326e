/** Short names for the bodies in `schema.d.ts`, which the build generates from `openapi.json`. */
import type { components, operations } from "./schema.d.ts";

type Schemas = components["schemas"];

type JsonOf<R> = R extends { content: { "application/json": infer Body } } ? Body : undefined;

/** The body of an operation's success. */
export type Reply<O extends keyof operations> = {
  [S in keyof operations[O]["responses"]]: S extends 200 | 201 | 202 | 204
    ? JsonOf<operations[O]["responses"][S]>
    : never;
}[keyof operations[O]["responses"]];

export type ErrorBody = Schemas["ErrorBody"];
export type Violation = Schemas["Violation"];

export type Health = Schemas["HealthBody"];
export type User = Schemas["UserBody"];
export type DemoAccount = Schemas["DemoAccountBody"];
export type Role = User["role"];
export type Tier = User["tier"];

export type Tokens = Schemas["TokensBody"];
export type Login = Schemas["LoginRequest"];
export type ApiKey = Schemas["KeyBody"];
export type CreatedKey = Schemas["CreatedKeyBody"];
export type Scope = NonNullable<ApiKey["scopes"]>[number];
export type Usage = Schemas["UsageBody"];

/** A new key as it is asked for. */
export interface KeyCreate {
  name: string;
  /** Without them the key may do everything that its owner's role permits. */
  scopes?: Scope[];
  expires_at?: string;
  ip_allow?: string[];
}

export type AdminUser = Schemas["AdminUserBody"];
export type AdminUserChange = Partial<Pick<AdminUser, "role" | "tier" | "is_active">>;
export type AdminKey = Schemas["AdminKeyBody"];
export type Limits = Schemas["LimitsBody"];
export type LimitOverride = Schemas["LimitOverrideBody"];
export type IpBlock = Schemas["IpBlockBody"];
export type AuditEntry = Schemas["AuditBody"];

/** A limit for one user or one key. */
export interface LimitCreate {
  user_id?: string;
  key_id?: string;
  policy: string;
  limit: number;
  window_seconds?: number;
  expires_at?: string;
}

export type Quote = Schemas["QuoteBody"];
export type Candle = Schemas["CandleBody"];
export type Interval = Schemas["CandleInterval"];
/** Statistics with the end of the last candle in them, from the envelope around them. */
export type Stats = Schemas["StatsBody"] & { as_of: string | null };
export type Timeseries = Schemas["TimeseriesBody"];
export type Correlation = Schemas["CorrelationBody"];

export type RiskLevel = Schemas["RiskLevel"];
export type RiskCheck = Schemas["RiskCheck"];
export type Monitor = Schemas["MonitorBody"];
export type MonitorCheck = Schemas["MonitorCheckBody"];

export type AlertCondition = Schemas["AlertCondition"];
export type AlertEvent = Schemas["AlertEventBody"];
export type Delivery = Schemas["DeliveryBody"];
export type DeliverySummary = Schemas["DeliverySummaryBody"];
export type DeliveryDetail = Schemas["DeliveryDetailBody"];
export type WebhookEndpoint = Schemas["EndpointBody"];

export interface Page<T> {
  items: T[];
  /** `undefined` on the last page. */
  nextCursor: string | undefined;
}

/** A number of the API that may be undefined: an optional field, or an element of a series. */
export type Maybe = number | null | undefined;

/** An alert whose target is decimal text: it can have more digits than a float. */
export type Alert = Omit<Schemas["AlertBody"], "target_price"> & { target_price: string };

/** The document's tickers are those of one deployment; which ones this one has is known from its quotes. */
export type AlertCreate = Omit<Schemas["AlertCreate"], "target_price" | "ticker" | "kind"> & {
  ticker: string;
  target_price: string;
};
