import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launch, PHONE, signInByKey, withPage } from "./support/browser.ts";
import { createAlert, register } from "./support/stack.ts";

let browser: Browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const heading = (page: Page, name: string): Promise<void> =>
  page.locator(".asset-head").getByRole("heading", { name }).waitFor();
const alertOf = (key: string): Promise<string> =>
  createAlert(key, { ticker: "SOL", condition: "gt", target_price: 9_999, webhook_url: "https://example.com/webhook" });

test("link to an alert opens it after the sign-in, and Back undoes each choice", async () => {
  const key = await register();
  const id = await alertOf(key);
  await withPage(browser, "deep-link", {}, async (page) => {
    await page.goto(`/#ETH/7d?alert=${id}`);
    await signInByKey(page, key);
    const drawer = page.getByRole("dialog", { name: "SOL above $9,999.00" });
    await drawer.waitFor();
    await heading(page, "Ethereum ETH");
    await page.reload();
    await drawer.waitFor();
    await page.keyboard.press("Escape");
    await drawer.waitFor({ state: "detached" });
    await page.waitForURL(/#ETH\/7d$/);

    await page.locator('[data-ticker="BNB"]').click();
    await heading(page, "BNB BNB");
    await page.getByRole("radio", { name: "24h" }).check({ force: true });
    await page.waitForURL(/#BNB\/24h$/);
    await page.locator(".row-button").click();
    await page.waitForURL(new RegExp(`#BNB/24h\\?alert=${id}$`));
    await page.goBack();
    await drawer.waitFor({ state: "detached" });
    await page.goForward();
    await drawer.waitFor();
    await page.keyboard.press("Escape");
    await drawer.waitFor({ state: "detached" });
    // The drawer was closed already, so Back does not open it again.
    await page.goBack();
    await page.waitForURL(/#BNB\/7d$/);
    assert.equal(await page.getByRole("radio", { name: "7d" }).isChecked(), true);
    assert.equal(await drawer.count(), 0);
    await page.goBack();
    await heading(page, "Ethereum ETH");
  });
});

test("link to an alert that does not exist says so", async () => {
  const key = await register();
  await withPage(browser, "lost-link", {}, async (page) => {
    await signInByKey(page, key);
    await page.goto("/#BTC/30d?alert=00000000-0000-7000-8000-000000000000");
    await page.getByRole("dialog", { name: "Alert not found" }).waitFor();
    await page.keyboard.press("Escape");
    await page.waitForURL(/#BTC\/30d$/);
  });
});

test("parts of a narrow screen are steps of Back and have a link", async () => {
  const key = await register();
  await alertOf(key);
  await withPage(browser, "narrow-back", { viewport: PHONE }, async (page) => {
    await signInByKey(page, key);
    await page.locator('[data-ticker="ETH"]').click();
    await page.waitForURL(/#ETH\/30d\?tab=asset$/);
    await page.getByRole("navigation", { name: "Parts" }).getByRole("button", { name: "Alerts" }).click();
    await page.waitForURL(/#ETH\/30d\?tab=alerts$/);
    await page.reload();
    await page.locator("[data-alert]").waitFor();
    await page.locator(".row-button").click();
    await page.getByRole("dialog").waitFor();
    await page.goBack();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.locator("[data-alert]").waitFor();
    await page.goBack();
    await heading(page, "Ethereum ETH");
    await page.goBack();
    await page.getByRole("option").first().waitFor();
  });
});
