import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launch, openView, signInByKey, withPage } from "./support/browser.ts";
import { BASE_URL, register } from "./support/stack.ts";

let browser: Browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const statusWith = async (key: string, path = "/api/v1/users/me"): Promise<number> =>
  (await fetch(BASE_URL + path, { headers: { "X-API-Key": key } })).status;

/** The status that a key has in the end: other instances learn of a revocation within a second. */
async function becomes(key: string, status: number): Promise<void> {
  const deadline = Date.now() + 5_000;
  while ((await statusWith(key)) !== status) {
    assert.ok(Date.now() < deadline, `the key does not become ${status}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const rowOf = (page: Page, name: string) => page.locator(".keys tbody tr").filter({ hasText: name });

test("key is created with chosen rights and shown once", async () => {
  const key = await register();
  await withPage(browser, "key-create", {}, async (page) => {
    await signInByKey(page, key);
    await openView(page, "Account and keys");
    await rowOf(page, "this page").waitFor();
    await page.getByRole("button", { name: "New key" }).click();
    const dialog = page.getByRole("dialog", { name: "New API key" });
    await dialog.getByText("Only chosen ones").click();
    await dialog.getByLabel("Allowed addresses").fill("127.0.0.0/8\nnonsense");
    await dialog.getByRole("button", { name: "Create key" }).click();
    await dialog.getByText("Give the key a name.").waitFor();
    await dialog.getByText("Choose at least one right.").waitFor();
    await dialog.getByText("“nonsense” is no IP address").waitFor();
    assert.equal(await dialog.locator('input[value="admin"]').count(), 0);

    await dialog.getByLabel("Name").fill("Trading bot");
    await dialog.locator('input[value="market:read"]').check();
    await dialog.getByLabel("Allowed addresses").fill("127.0.0.0/8\n::1");
    await dialog.getByLabel("Expires").selectOption("week");
    await dialog.getByRole("button", { name: "Create key" }).click();
    const created = page.getByRole("dialog", { name: "New key: Trading bot" });
    await created.getByText("It is not shown again.").waitFor();
    // Neither Escape nor a click beside it closes what is shown once.
    await page.keyboard.press("Escape");
    await page.mouse.click(5, 5);
    const secret = await created.getByLabel("The new API key").innerText();
    assert.match(secret, /^sk_live_[\w-]{43}$/);
    await created.getByRole("button", { name: "I have saved it" }).click();
    await created.waitFor({ state: "detached" });
    assert.ok(!(await page.content()).includes(secret));

    const row = rowOf(page, "Trading bot");
    await row.getByText("market:read").waitFor();
    await row.getByText("127.0.0.0/8").waitFor();
    assert.equal(await row.locator("td.used").innerText(), "never");
    assert.equal(await statusWith(secret, "/api/v1/quotes"), 200);
    assert.equal(await statusWith(secret, "/api/v1/alerts/"), 403);
  });
});

test("key is rotated with an overlap, and revoked at once", async () => {
  const key = await register();
  await withPage(browser, "key-rotate", {}, async (page) => {
    await signInByKey(page, key);
    await openView(page, "Account and keys");
    const create = async (name: string): Promise<string> => {
      await page.getByRole("button", { name: "New key" }).click();
      await page.getByRole("dialog").getByLabel("Name").fill(name);
      await page.getByRole("dialog").getByRole("button", { name: "Create key" }).click();
      return takeSecret(page);
    };
    const old = await create("Bot");
    await page.getByRole("button", { name: "Rotate Bot" }).click();
    await page.getByRole("dialog").getByText("In 1 hour").click();
    await page.getByRole("dialog").getByRole("button", { name: "Rotate key" }).click();
    const next = await takeSecret(page);
    assert.notEqual(next, old);
    assert.deepEqual([await statusWith(old), await statusWith(next)], [200, 200]);
    await rowOf(page, "Bot").nth(1).waitFor();

    await page.getByRole("button", { name: "Revoke Bot" }).first().click();
    await page.getByRole("dialog").getByText("are refused within a second").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Keep it" }).click();
    for (let left = 2; left > 0; left--) {
      await page.getByRole("button", { name: "Revoke Bot" }).first().click();
      await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
      await page.getByRole("dialog").waitFor({ state: "detached" });
      assert.equal(await rowOf(page, "Bot").count(), left - 1);
    }
    await Promise.all([becomes(old, 401), becomes(next, 401)]);
  });
});

test("page goes on with its own key after a rotation at once, and signs out with its revocation", async () => {
  const key = await register();
  await withPage(browser, "key-own", { expected: /status of 401/ }, async (page) => {
    await signInByKey(page, key);
    await openView(page, "Account and keys");
    const own = rowOf(page, "this page");
    await own.getByRole("button", { name: /^Rotate/ }).click();
    await page.getByRole("dialog").getByText("This page goes on with the new key.").waitFor();
    await page.getByRole("dialog").getByText("At once").click();
    await page.getByRole("dialog").getByRole("button", { name: "Rotate key" }).click();
    const next = await takeSecret(page);
    await becomes(key, 401);
    await page.reload();
    await own.waitFor();
    assert.equal(await page.locator(".sign-in").count(), 0);
    await own.getByRole("button", { name: /^Revoke/ }).click();
    await page.getByRole("dialog").getByText("This page uses it too: you are signed out.").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await page.locator(".sign-in").waitFor();
    await becomes(next, 401);
  });
});

test("usage shows the month and the days, for the ear and as a table too", async () => {
  const key = await register();
  for (let i = 0; i < 3; i++) await statusWith(key, "/api/v1/quotes");
  await withPage(browser, "usage", {}, async (page) => {
    await signInByKey(page, key);
    await openView(page, "Account and keys");
    const usage = page.locator(".usage");
    await usage
      .locator(".month")
      .getByText(/requests/)
      .waitFor();
    // Counts are written down by the gateway a moment after the requests.
    const chart = usage.locator('.usage-chart[aria-label^="Requests per day from"]');
    const deadline = Date.now() + 15_000;
    while ((await chart.count()) === 0) {
      assert.ok(Date.now() < deadline, "the requests do not appear");
      await usage.getByRole("button", { name: "Refresh" }).click();
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    await usage.locator(".legend").getByText("Market data").waitFor();
    await usage.getByText("As a table").click();
    assert.equal(await usage.locator(".day-table tbody tr").count(), 1);
  });
});

async function takeSecret(page: Page): Promise<string> {
  const secret = await page.getByLabel("The new API key").innerText();
  await page.getByRole("button", { name: "I have saved it" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  return secret;
}
