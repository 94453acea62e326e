import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { rateBudget } from "../api/client.ts";
import * as api from "../api/routes.ts";
import type { CreatedKey } from "../api/types.ts";
import { toasts, showToast } from "./toasts.ts";
import {
  adoptTokens,
  credential,
  logIn,
  onSignOut,
  rotateOwnKey,
  restoreSession,
  signIn,
  signOut,
  user,
} from "./session.ts";

class MemoryStorage {
  [name: string]: unknown;
  getItem(name: string): string | null {
    return (this[name] as string | undefined) ?? null;
  }
  setItem(name: string, value: string): void {
    this[name] = value;
  }
  removeItem(name: string): void {
    delete this[name];
  }
}

const owner = (email: string): Response =>
  new Response(JSON.stringify({ id: email, email, role: "reader", tier: "basic", is_active: true, created_at: "" }));

let local: MemoryStorage;
let tab: MemoryStorage;
beforeEach(() => {
  local = new MemoryStorage();
  tab = new MemoryStorage();
  Object.assign(globalThis, { localStorage: local, sessionStorage: tab });
});
afterEach(() => {
  mock.restoreAll();
  signOut();
});

test("sign-out clears storage, toasts and what every part registered", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  mock.method(globalThis, "fetch", async () => owner("a@example.com"));
  let forgotten = 0;
  onSignOut(() => (forgotten += 1));
  await signIn("sk_live_a", true);
  local.setItem("cryptolens.other", "of a");
  local.setItem("foreign", "stays");
  showToast(() => "Alert created: BTC above $1.00");
  signOut();
  assert.deepEqual({ ...local }, { foreign: "stays" });
  assert.deepEqual({ ...tab }, {});
  assert.deepEqual(toasts.value, []);
  assert.equal(user.value, null);
  assert.equal(forgotten, 1);
  mock.timers.reset();
});

test("response to a request of the last session is dropped", async () => {
  mock.method(globalThis, "fetch", async () => owner("a@example.com"));
  await signIn("sk_live_a", false);
  let answer: (response: Response) => void = () => undefined;
  // A server, or a cache on the way, that ignores the abort.
  mock.method(globalThis, "fetch", () => new Promise((resolve) => (answer = resolve)));
  const late = api.createAlert({ ticker: "BTC", condition: "gt", target_price: "1", webhook_url: "x" });
  signOut();
  answer(new Response("{}", { status: 201 }));
  await assert.rejects(late, { name: "AbortError" });
});

test("sign-out leaves the key that another tab stored for another account", async () => {
  mock.method(globalThis, "fetch", async () => owner("a@example.com"));
  await signIn("sk_live_a", false);
  local.setItem("cryptolens.key", "sk_live_b");
  signOut();
  assert.equal(credential.value, null);
  assert.deepEqual({ ...local }, { "cryptolens.key": "sk_live_b" });
});

test("session works where the browser refuses even the storage's name", async () => {
  const refuse = {
    get: () => {
      throw new DOMException("The operation is insecure.", "SecurityError");
    },
    configurable: true,
  };
  Object.defineProperties(globalThis, { localStorage: refuse, sessionStorage: refuse });
  try {
    mock.method(globalThis, "fetch", async () => owner("a@example.com"));
    restoreSession();
    assert.equal(credential.value, null);
    await signIn("sk_live_a", true);
    assert.deepEqual(credential.value, { kind: "key", key: "sk_live_a" });
    signOut();
    assert.equal(credential.value, null);
  } finally {
    const usable = { writable: true, configurable: true };
    Object.defineProperties(globalThis, {
      localStorage: { value: local, ...usable },
      sessionStorage: { value: tab, ...usable },
    });
  }
});

test("rate budget of one account is reset for the next", () => {
  for (let i = 0; i < 5; i++) rateBudget.spend("alerts");
  rateBudget.reset();
  assert.equal(rateBudget.remaining("alerts"), 5);
});

interface Call {
  path: string;
  headers: Record<string, string>;
  body: Record<string, unknown>;
}

/** A server whose tokens live for `expiresIn`, numbered in the order in which they were given. */
function tokenServer(expiresIn = "1h"): Call[] {
  const calls: Call[] = [];
  let given = 0;
  mock.method(globalThis, "fetch", async (path: string, init: RequestInit) => {
    const body = JSON.parse((init.body as string | undefined) ?? "{}") as Record<string, unknown>;
    calls.push({ path, headers: init.headers as Record<string, string>, body });
    if (path.endsWith("/logout")) return new Response(null, { status: 204 });
    if (!path.includes("/auth/")) return owner("a@example.com");
    given += 1;
    const tokens = { accessToken: `access ${given}`, tokenType: "Bearer", expiresIn, refreshToken: `refresh ${given}` };
    return new Response(JSON.stringify(tokens));
  });
  return calls;
}

const paths = (calls: Call[]): string[] => calls.map(({ path }) => path.replace("/api/v1/", ""));

test("log-in stores the refresh token only, and sign-out ends the session on the server", async () => {
  const calls = tokenServer();
  await logIn("a@example.com", "correct horse", true);
  assert.deepEqual({ ...local }, { "cryptolens.refresh": "refresh 1", "cryptolens.account": "a@example.com" });
  await api.me();
  assert.equal(calls.at(-1)?.headers["Authorization"], "Bearer access 1");
  signOut();
  await new Promise((resolve) => setTimeout(resolve));
  const end = calls.at(-1);
  assert.deepEqual(
    [end?.path, end?.headers["Authorization"], end?.body],
    ["/api/v1/auth/logout", "Bearer access 1", { refreshToken: "refresh 1" }],
  );
  assert.deepEqual({ ...local }, {});
});

test("restored session gets its first access token by the refresh token, once", async () => {
  const calls = tokenServer();
  Object.assign(tab, { "cryptolens.refresh": "refresh 0", "cryptolens.account": "a@example.com" });
  restoreSession();
  await Promise.all([api.me(), api.me()]);
  assert.deepEqual(paths(calls), ["auth/refresh", "users/me", "users/me", "users/me"]);
  assert.deepEqual(calls[0]?.body, { refreshToken: "refresh 0" });
  assert.equal(tab["cryptolens.refresh"], "refresh 1");
});

test("tokens that another tab was given are taken, those of another session are not", async () => {
  const calls = tokenServer();
  await logIn("a@example.com", "correct horse", false);
  const grant = { accessToken: "access x", refreshToken: "refresh x", expiresAt: Infinity };
  adoptTokens({ replaced: "refresh 9", grant });
  assert.equal(tab["cryptolens.refresh"], "refresh 1");
  adoptTokens({ replaced: "refresh 1", grant });
  assert.equal(tab["cryptolens.refresh"], "refresh x");
  await api.me();
  assert.equal(calls.at(-1)?.headers["Authorization"], "Bearer access x");
});

test("refresh leaves what another tab stored for another account", async () => {
  const calls = tokenServer("0s");
  await logIn("a@example.com", "correct horse", true);
  Object.assign(local, { "cryptolens.refresh": "refresh b", "cryptolens.account": "b@example.com" });
  await api.me();
  assert.deepEqual(calls.at(-2)?.body, { refreshToken: "refresh 1" });
  assert.equal(local["cryptolens.refresh"], "refresh b");
});

test("requests wait for the key that takes the place of the session's own, also those that the old one failed", async () => {
  const sent: string[] = [];
  let valid = "sk_live_a";
  mock.method(globalThis, "fetch", async (path: string, init: RequestInit) => {
    const key = (init.headers as Record<string, string>)["X-API-Key"] ?? "";
    sent.push(`${path.split("/").at(-1)} ${key}`);
    await Promise.resolve();
    return key === valid ? owner("a@example.com") : new Response('{"type":"invalid_api_key"}', { status: 401 });
  });
  await signIn("sk_live_a", false);
  sent.length = 0;
  let release: () => void = () => undefined;
  const rotation = rotateOwnKey(async (proof) => {
    assert.deepEqual(proof, { kind: "key", key: "sk_live_a" });
    await new Promise<void>((resolve) => (release = resolve));
    return { api_key: "sk_live_b" } as CreatedKey;
  });
  const waiting = api.me();
  valid = "sk_live_b";
  await Promise.resolve();
  assert.deepEqual(sent, []);
  release();
  await Promise.all([rotation, waiting]);
  assert.deepEqual(sent, ["me sk_live_b"]);
  assert.equal(tab["cryptolens.key"], "sk_live_b");
  assert.deepEqual(credential.value, { kind: "key", key: "sk_live_b" });
});

test("request that was under way with the old key is sent once more with the new one", async () => {
  mock.method(globalThis, "fetch", async () => owner("a@example.com"));
  await signIn("sk_live_a", false);
  let refuse: () => void = () => undefined;
  mock.method(globalThis, "fetch", (_: string, init: RequestInit) =>
    (init.headers as Record<string, string>)["X-API-Key"] === "sk_live_b"
      ? Promise.resolve(owner("b@example.com"))
      : new Promise((resolve) => (refuse = () => resolve(new Response("{}", { status: 401 })))),
  );
  const early = api.me();
  await new Promise((resolve) => setImmediate(resolve));
  const rotation = rotateOwnKey(async () => ({ api_key: "sk_live_b" }) as CreatedKey);
  refuse();
  await rotation;
  assert.equal((await early).email, "b@example.com");
  assert.notEqual(credential.value, null);
});
