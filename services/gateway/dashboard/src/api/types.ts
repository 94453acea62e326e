/** The bodies of the REST API that the dashboard reads and writes, as the API contract has them. */

export interface FieldProblem {
  loc: string[];
  msg: string;
  type: string;
}

export interface ErrorBody {
  error: string;
  detail: string;
  code: number;
  type: string;
  remediation: string | null;
  request_id: string | null;
  errors: FieldProblem[];
  retry_after: number | null;
}

export interface Envelope<T> {
  status: { state: "ok" | "degraded" | "stale" | "error"; timestamp: string };
  metadata: { data_as_of: string | null; age_ms: number | null; sources: string[] };
  data: T;
}

export interface Health {
  status: "ok" | "degraded" | "unavailable";
  version: string;
  dependencies: Record<string, string>;
  checks: { prices?: { status: string; age_ms?: number | null; simulated?: boolean } };
}

export interface User {
  id: string;
  email: string;
  is_active: boolean;
  created_at: string;
  role: string;
  tier: string;
}

export interface Registration {
  id: string;
  email: string;
  api_key: string;
}

export interface DemoAccount {
  api_key: string;
  email?: string;
}

export type Quality = "ok" | "degraded" | "stale";

export interface Quote {
  ticker: string;
  price: number;
  currency: string;
  confidence: number | null;
  confidence_bps: number | null;
  volume_24h: number | null;
  change_24h: number | null;
  n_sources: number;
  quality: Quality;
  as_of: string;
  age_ms: number;
  price_id: string;
  method: string;
  flags: string[];
}

export interface Candle {
  t: string;
  o: number;
  h: number;
  l: number;
  c: number;
  v: number | null;
  closed: boolean;
}

export type Interval = "1m" | "5m" | "15m" | "1h" | "4h" | "12h" | "1d";

export type Known = number | null;

export interface Stats {
  symbol: string;
  window: string;
  interval: string;
  n: number;
  coverage: Known;
  first: Known;
  last: Known;
  average_price: Known;
  max_price: Known;
  min_price: Known;
  change_percent: Known;
  volatility: Known;
  annualized_volatility: Known;
  max_drawdown: Known;
  current_drawdown: Known;
  sharpe_ratio: Known;
  sortino_ratio: Known;
  calmar_ratio: Known;
  var_95: Known;
  cvar_95: Known;
  undefined: Record<string, string>;
}

export interface Timeseries {
  t: string[];
  drawdown?: Known[];
  rolling_volatility?: Known[];
}

export interface Correlation {
  symbols: string[];
  matrix: Known[][];
  n_overlap: number;
  method: string;
}

export type Level = "OK" | "Warning" | "Alert";
export type CheckName = "price_drop" | "volatility_spike" | "drawdown";

export interface MonitorCheck {
  name: CheckName;
  value: Known;
  warning: number;
  alert: number;
  level: Level | null;
  reason?: string | null;
}

export interface Monitor {
  symbol: string;
  level: Level | null;
  since: string | null;
  checks: MonitorCheck[];
}

export type Condition = "gt" | "lt";

export interface AlertCreate {
  ticker: string;
  condition: Condition;
  /** Decimal text with all digits of the contract's decimal, which may be more than a float has. */
  target_price: string;
  webhook_url: string;
}

export interface Alert extends AlertCreate {
  id: string;
  state: string;
  no_data?: { since: string; reason: string };
  is_active: boolean;
  last_value: Known;
  fires: number;
  webhook_endpoint_id: string;
  created_at: string;
  updated_at: string;
  triggered_at: string | null;
}

export interface WebhookEndpoint {
  id: string;
  url: string;
  is_enabled: boolean;
  disabled_at: string | null;
  disabled_reason: string | null;
}

export interface AlertEvent {
  id: string;
  at: string;
  from_state: string;
  to_state: string;
  value: number;
  reason: string;
  late: boolean;
}

export interface Delivery {
  id: string;
  alert_id: string | null;
  endpoint_id: string;
  attempt: number;
  status: "success" | "failed" | "pending";
  response_code: number | null;
  error_msg: string | null;
  latency_ms: number | null;
  dispatched_at: string | null;
  next_attempt_at: string | null;
  response_excerpt: string | null;
}
