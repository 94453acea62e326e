import assert from "node:assert/strict";
import { test } from "node:test";
import { AccessTokens, grantOf, lifetimeOf, type Grant } from "./access-tokens.ts";
import { ApiError } from "./errors.ts";

const MINUTE = 60_000;

/** Tabs of one browser with one storage, one lock and a server that ends the session when a token is used twice. */
class Browser {
  now = 0;
  stored = "r0";
  readonly used: string[] = [];
  failure: ApiError | null = null;
  readonly #tabs: AccessTokens[] = [];
  #lock: Promise<unknown> = Promise.resolve();

  open({ isToldOfGrants = true } = {}): AccessTokens {
    const tab: AccessTokens = new AccessTokens("r0", {
      refresh: async (refreshToken) => {
        await Promise.resolve();
        if (this.failure) throw this.failure;
        if (this.used.includes(refreshToken)) throw new ApiError(401, { type: "refresh_reused" });
        this.used.push(refreshToken);
        const count = this.used.length;
        return { accessToken: `a${count}`, refreshToken: `r${count}`, expiresIn: "10m", tokenType: "Bearer" };
      },
      exclusively: (work) => {
        const next = this.#lock.then(work);
        this.#lock = next.catch(() => undefined);
        return next;
      },
      stored: () => this.stored,
      granted: (grant: Grant, replaced) => {
        this.stored = grant.refreshToken;
        if (isToldOfGrants) for (const other of this.#tabs) if (other.refreshToken === replaced) other.adopt(grant);
      },
      now: () => this.now,
      sleep: async () => undefined,
    });
    this.#tabs.push(tab);
    return tab;
  }
}

const tokenOf = async (tab: AccessTokens): Promise<string> => {
  const proof = await tab.proof();
  return proof.kind === "token" ? proof.token : "";
};

test("many requests of many tabs share one refresh", async () => {
  const browser = new Browser();
  const tabs = [browser.open(), browser.open(), browser.open()];
  const tokens = await Promise.all([...tabs, ...tabs].map(tokenOf));
  assert.deepEqual(new Set(tokens), new Set(["a1"]));
  assert.deepEqual(browser.used, ["r0"]);
});

test("tab that was told nothing reads the stored token in the lock, so that none is used twice", async () => {
  const browser = new Browser();
  const tabs = [browser.open({ isToldOfGrants: false }), browser.open({ isToldOfGrants: false })];
  assert.deepEqual(await Promise.all(tabs.map(tokenOf)), ["a1", "a2"]);
  assert.deepEqual(browser.used, ["r0", "r1"]);
});

test("token is renewed before it expires, by a tenth of its life", async () => {
  const browser = new Browser();
  const tab = browser.open();
  await tokenOf(tab);
  browser.now = 8.9 * MINUTE;
  assert.equal(await tokenOf(tab), "a1");
  browser.now = 9 * MINUTE;
  assert.equal(await tokenOf(tab), "a2");
});

test("refused token is renewed, unless another request has done it already", async () => {
  const expired = new ApiError(401, { type: "token_expired" });
  const browser = new Browser();
  const tab = browser.open();
  const first = await tab.proof();
  const [one, other] = await Promise.all([tab.renew(first, expired), tab.renew(first, expired)]);
  assert.deepEqual([one, other], [await tab.proof(), await tab.proof()]);
  assert.deepEqual(browser.used, ["r0", "r1"]);
  assert.equal(await tab.renew(first, new ApiError(401, { type: "invalid_api_key" })), null);
});

test("failed refresh is the failure of all requests until it may be tried again", async () => {
  const browser = new Browser();
  const tab = browser.open();
  browser.failure = new ApiError(429, { type: "rate_limited", retry_after: 12 });
  await assert.rejects(tokenOf(tab), { type: "rate_limited" });
  browser.failure = null;
  browser.now = 11_999;
  await assert.rejects(tokenOf(tab), { type: "rate_limited" });
  browser.now = 12_000;
  assert.equal(await tokenOf(tab), "a1");
});

test("lifetime is read in every unit, and an unknown one ends by a refusal only", () => {
  assert.deepEqual(["1h", "15m", "30s", "2d", "90", "soon"].map(lifetimeOf), [
    3_600_000,
    900_000,
    30_000,
    172_800_000,
    90_000,
    null,
  ]);
  const tokens = { accessToken: "a", refreshToken: "r", tokenType: "Bearer", expiresIn: "soon" };
  assert.equal(grantOf(tokens, 0).expiresAt, Infinity);
  assert.equal(grantOf({ ...tokens, expiresIn: "1h" }, 0).expiresAt, 59 * MINUTE);
});
