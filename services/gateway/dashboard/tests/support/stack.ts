/** The running stack under test. `make test` starts one and sets these variables. */

function needed(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run \`make test\`, which starts a stack for these tests`);
  return value;
}

const url = (name: string): string => needed(name).replace(/\/$/, "");

export const BASE_URL = url("BASE_URL");
export const SIMULATOR_URL = url("SIMULATOR_URL");
/** The administrator that the stack was started with. */
export const admin = (): { username: string; password: string } => ({
  username: needed("ADMIN_USER"),
  password: needed("ADMIN_PASS"),
});

export const newEmail = (): string => `browser-${crypto.randomUUID()}@example.com`;

/** A new account, so that no test sees another's alerts. */
export async function register(email = newEmail(), password?: string): Promise<string> {
  const response = await fetch(`${BASE_URL}/api/v1/users/register`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ email, password }),
  });
  const body = (await response.json()) as { api_key?: string; detail?: string };
  if (!body.api_key) throw new Error(`could not register: ${response.status} ${body.detail ?? ""}`);
  return body.api_key;
}

interface AlertCreate {
  ticker: string;
  condition: "gt" | "lt";
  target_price: number;
  webhook_url: string;
}

/** Creates an alert without the page; returns its id. */
export async function createAlert(key: string, alert: AlertCreate): Promise<string> {
  const response = await fetch(`${BASE_URL}/api/v1/alerts/`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-API-Key": key },
    body: JSON.stringify(alert),
  });
  const body = (await response.json()) as { id?: string; detail?: string };
  if (!body.id) throw new Error(`could not create an alert: ${response.status} ${body.detail ?? ""}`);
  return body.id;
}

const HISTORY_DEADLINE_MS = 120_000;

/** Waits for the history of a new stack, which its readiness does not include. */
export async function historyFilled(key: string): Promise<void> {
  const deadline = Date.now() + HISTORY_DEADLINE_MS;
  for (;;) {
    const response = await fetch(`${BASE_URL}/api/v1/analytics/BTC/stats?window=30d`, {
      headers: { "X-API-Key": key },
    });
    const body = (await response.json()) as { data?: { coverage: number | null } };
    if ((body.data?.coverage ?? 0) > 0.9) return;
    if (Date.now() > deadline) throw new Error(`no history after ${HISTORY_DEADLINE_MS} ms: ${response.status}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** Moves an asset's price at all simulated providers at once. */
export async function movePrice(ticker: string, percent: number): Promise<void> {
  const response = await fetch(`${SIMULATOR_URL}/_sim/moves`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ticker, percent }),
  });
  if (!response.ok) throw new Error(`the simulator refused the move: ${response.status} ${await response.text()}`);
}

/** The percentage that undoes a move. */
export const inverse = (percent: number): number => (1 / (1 + percent / 100) - 1) * 100;
