import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { rateBudget } from "../api/client.ts";
import * as api from "../api/routes.ts";
import { toasts, showToast } from "./toasts.ts";
import { key, onSignOut, restoreSession, signIn, signOut, user } from "./session.ts";

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
  assert.equal(key.value, null);
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
    assert.equal(key.value, null);
    await signIn("sk_live_a", true);
    assert.equal(key.value, "sk_live_a");
    signOut();
    assert.equal(key.value, null);
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
