import assert from "node:assert/strict";
import { afterEach, mock, test } from "node:test";
import { KeyAuthority, type Authority, type Proof } from "./authority.ts";
import { authenticate, request } from "./client.ts";
import { alerts, createAlert } from "./routes.ts";
import { ApiError } from "./errors.ts";

afterEach(() => {
  mock.restoreAll();
  authenticate(null, () => undefined);
});

function answer(status: number, body: unknown, headers: Record<string, string> = {}): void {
  mock.method(globalThis, "fetch", async () => new Response(JSON.stringify(body), { status, headers }));
}

async function failure(call: Promise<unknown>): Promise<ApiError> {
  try {
    await call;
  } catch (error) {
    assert.ok(error instanceof ApiError);
    return error;
  }
  throw new assert.AssertionError({ message: "the call succeeded" });
}

test("error body becomes an ApiError with its fields and remedy", async () => {
  answer(422, {
    error: "ValidationError",
    detail: "The input is invalid.",
    code: 422,
    type: "validation_failed",
    remediation: "Correct the fields.",
    errors: [{ loc: ["body", "target_price"], msg: "must be greater than 0", type: "greater_than" }],
  });
  const error = await failure(request("/x", { method: "POST", body: {} }));
  assert.equal(error.type, "validation_failed");
  assert.equal(error.remediation, "Correct the fields.");
  assert.equal(error.fields[0]?.loc.at(-1), "target_price");
  assert.equal(error.isOutage, false);
});

test("response that is not JSON keeps its status and Retry-After", async () => {
  mock.method(
    globalThis,
    "fetch",
    async () => new Response("<html>", { status: 503, headers: { "Retry-After": "4" } }),
  );
  const error = await failure(request("/x"));
  assert.equal(error.status, 503);
  assert.equal(error.retryAfterMs, 4_000);
  assert.equal(error.isOutage, true);
});

test("missing response is an outage", async () => {
  mock.method(globalThis, "fetch", async () => {
    throw new TypeError("failed to fetch");
  });
  assert.equal((await failure(request("/x"))).type, "unreachable");
});

test("401 ends the session only for the session's own key", async () => {
  let ended = 0;
  authenticate(new KeyAuthority("sk_live_mine"), () => (ended += 1));
  answer(401, { detail: "Invalid or inactive API Key", type: "invalid_api_key" });
  await failure(request("/x", { as: { kind: "key", key: "sk_live_tried" } }));
  assert.equal(ended, 0);
  await failure(request("/x"));
  assert.equal(ended, 1);
});

test("alert target keeps every digit in both directions", async () => {
  const target = "1234567890.123456789012345678";
  answer(201, { id: "1", target_price: 1, last_value: null });
  const rule = { ticker: "BTC", condition: "gt" as const, webhook_url: 'https://example.com/"}' };
  assert.equal((await createAlert({ ...rule, target_price: target })).target_price, target);
  const call = (globalThis.fetch as unknown as { mock: { calls: { arguments: [string, RequestInit] }[] } }).mock;
  const sent = call.calls[0]!.arguments[1].body as string;
  assert.match(sent, new RegExp(`"target_price":${target}}$`));
  assert.equal((JSON.parse(sent) as typeof rule).webhook_url, rule.webhook_url);

  answer(200, [{ id: "1", target_price: target, last_value: "103.2" }]);
  const { items } = await alerts(undefined);
  const [alert] = items;
  assert.equal(alert?.target_price, target);
  assert.equal(alert?.last_value, 103.2);
});

test("query is encoded and the key is sent in its header", async () => {
  answer(200, { ok: true });
  authenticate(new KeyAuthority("sk_live_mine"), () => undefined);
  await request("/x", { query: { symbols: "BTC,ETH", from: undefined } });
  const call = (globalThis.fetch as unknown as { mock: { calls: { arguments: [string, RequestInit] }[] } }).mock;
  const [url, init] = call.calls[0]!.arguments;
  assert.equal(url, "/x?symbols=BTC%2CETH");
  assert.equal((init.headers as Record<string, string>)["X-API-Key"], "sk_live_mine");
});

/** Answers an old token with 401 and any other one with 200. */
function refuseToken(old: string): { token: string; id: string | undefined }[] {
  const sent: { token: string; id: string | undefined }[] = [];
  mock.method(globalThis, "fetch", async (_: string, init: RequestInit) => {
    const headers = init.headers as Record<string, string>;
    sent.push({ token: headers["Authorization"] ?? "", id: headers["Idempotency-Key"] });
    return headers["Authorization"] === `Bearer ${old}`
      ? new Response(JSON.stringify({ type: "token_expired" }), { status: 401 })
      : new Response("{}");
  });
  return sent;
}

const token = (value: string): Proof => ({ kind: "token", token: value });

test("request with an expired token is sent once more with a new one, as the same request", async () => {
  const sent = refuseToken("old");
  let ended = 0;
  authenticate({ proof: () => token("old"), renew: async () => token("new") }, () => (ended += 1));
  await request("/x", { method: "POST", body: {} });
  assert.deepEqual(
    sent.map((each) => each.token),
    ["Bearer old", "Bearer new"],
  );
  assert.equal(sent[0]?.id, sent[1]?.id);
  assert.equal(ended, 0);
});

test("session ends when its token cannot be renewed, and not when the server is only away", async () => {
  const sent = refuseToken("old");
  let reason: ApiError | null = null;
  const failing = (error: ApiError): Authority => ({ proof: () => token("old"), renew: () => Promise.reject(error) });
  authenticate(failing(ApiError.unreachable()), (error) => (reason = error));
  assert.equal((await failure(request("/x"))).type, "unreachable");
  assert.equal(reason, null);
  authenticate(failing(new ApiError(401, { type: "refresh_reused" })), (error) => (reason = error));
  assert.equal((await failure(request("/x"))).type, "refresh_reused");
  assert.equal((reason as ApiError | null)?.type, "refresh_reused");
  assert.equal(sent.length, 2);
});
