import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { launch, signInByKey, withPage } from "./support/browser.ts";
import { register } from "./support/stack.ts";

let browser: Browser;
before(async () => (browser = await launch()));
after(() => browser.close());

test("demo account opens with one click, and logging out ends it", () =>
  withPage(browser, "demo", {}, async (page) => {
    await page.goto("/");
    await page.getByRole("button", { name: "Open the demo account" }).click();
    await page.getByRole("option").first().waitFor();
    await page.reload();
    await page.getByRole("option").first().waitFor();
    await page.locator(".menu summary").click();
    await page.getByRole("button", { name: "Log out" }).click();
    await page.locator('input[name="key"]').waitFor();
    const kept = await page.evaluate(() => [sessionStorage.length, localStorage.getItem("cryptolens.key")]);
    assert.deepEqual(kept, [0, null]);
  }));

test("API key opens the dashboard and is stored on the device only on request", async () => {
  const key = await register();
  await withPage(browser, "key", {}, async (page) => {
    await signInByKey(page, key);
    assert.equal(await page.evaluate(() => localStorage.getItem("cryptolens.key")), null);
    await page.locator(".menu summary").click();
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByLabel("Stay signed in on this device").check();
    await page.locator('input[name="key"]').fill(key);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("option").first().waitFor();
    assert.equal(await page.evaluate(() => localStorage.getItem("cryptolens.key")), key);
  });
});

test("wrong key is refused with the reason and the remedy", () =>
  withPage(browser, "wrong-key", { expected: /status of 401/ }, async (page) => {
    await page.goto("/");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("Paste your API key.").waitFor();
    await page.locator('input[name="key"]').fill(`sk_live_${"x".repeat(43)}`);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").getByText("Invalid or inactive API Key").waitFor();
    assert.equal((await page.locator(".problem p").count()) >= 2, true, "the remedy is shown too");
  }));

test("new account shows its key once, and the key works", () =>
  withPage(browser, "register", { expected: /status of 4(00|22)/ }, async (page) => {
    await page.goto("/");
    await page.getByRole("button", { name: "Create one" }).click();
    await page.getByLabel("E-mail").fill("not an address");
    await page.getByRole("button", { name: "Create account" }).click();
    await page.locator("[aria-invalid]").waitFor();
    await page.getByLabel("E-mail").fill(`browser-${crypto.randomUUID()}@example.com`);
    await page.getByRole("button", { name: "Create account" }).click();
    const key = await page.getByLabel("Your API key").innerText();
    assert.match(key, /^sk_live_[\w-]{43}$/);
    await page.getByRole("button", { name: "I have saved it: continue" }).click();
    await page.getByRole("option").first().waitFor();
  }));
