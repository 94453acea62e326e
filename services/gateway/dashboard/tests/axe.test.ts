import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { axeViolations } from "./support/axe.ts";
import { launch, SCREENS, signInByKey, withPage } from "./support/browser.ts";
import { createAlert, register } from "./support/stack.ts";
import { WebhookReceiver } from "./support/webhook-receiver.ts";

/** The account's and the alerts' parts of the page. */
const PARTS = [".sign-in", ".top", ".outage", ".alerts", "dialog[open]", ".tab-bar", ".toasts"];

let browser: Browser;
before(async () => (browser = await launch()));
after(() => browser.close());

for (const { name, viewport, colorScheme } of SCREENS) {
  test(`axe finds nothing in the parts of account and alerts on a ${name}`, async () => {
    const receiver = new WebhookReceiver([410], "gone");
    const webhook_url = await receiver.open();
    const key = await register();
    try {
      await createAlert(key, { ticker: "ETH", condition: "gt", target_price: 0.01, webhook_url });
      await createAlert(key, { ticker: "BTC", condition: "gt", target_price: 999_999, webhook_url });
      await withPage(browser, `axe-${name}`, { viewport, colorScheme }, async (page) => {
        const check = await checker(page);
        await page.goto("/");
        await page.locator('input[name="key"]').waitFor();
        await check("sign-in");
        await page.getByRole("button", { name: "Create one" }).click();
        await check("registration");
        await page.getByRole("button", { name: "Sign in" }).click();
        await signInByKey(page, key);
        await showAlerts(page);
        await page.locator(".failures").waitFor();
        await check("list");
        await page.locator(".menu summary").click();
        await check("menu");
        await page.keyboard.press("Escape");
        await page.getByRole("button", { name: "New alert" }).last().click();
        await page.getByLabel("Target price").fill("0,29");
        await page.getByLabel("Target price").press("Tab");
        await page.getByText("Did you mean").waitFor();
        await check("form with an error");
        await page.getByLabel("Target price").fill("1");
        await page.locator(".preview.warning").waitFor();
        await check("form with a warning");
        await page.keyboard.press("Escape");
        await page.locator(".row-button").filter({ hasText: "ETH" }).click();
        await page.locator(".attempts .advice").waitFor();
        await page.getByText("The endpoint's answer").click();
        await check("details");
        await page.getByRole("button", { name: "Delete alert" }).click();
        await check("confirmation");
      });
    } finally {
      await receiver.close();
    }
  });

  test(`axe finds nothing where there is nothing, and in an outage, on a ${name}`, async () => {
    const key = await register();
    const options = { viewport, colorScheme, expected: /net::ERR_/ };
    await withPage(browser, `axe-states-${name}`, options, async (page) => {
      const check = await checker(page, ["html"]);
      await signInByKey(page, key);
      await page.getByLabel("Search assets").fill("no such asset");
      await page.getByText("No asset matches").waitFor();
      await check("search without a result");
      await page.getByLabel("Search assets").fill("");
      await showAlerts(page);
      await page.getByText("No alerts yet.").waitFor();
      await check("no alerts");
      await createAlert(key, {
        ticker: "BTC",
        condition: "gt",
        target_price: 999_999,
        webhook_url: "https://example.com/webhook",
      });
      await page.locator("[data-alert]").waitFor();
      await page.getByLabel("Search the alerts").fill("no such alert");
      await page.getByText("No alert is like this.").waitFor();
      await check("filter without a result");
      await page.evaluate(() => (location.hash = "#BTC/30d?tab=alerts&alert=00000000-0000-7000-8000-000000000000"));
      await page.getByRole("dialog", { name: "Alert not found" }).waitFor();
      await check("alert that is not there");
      await page.keyboard.press("Escape");
      await page.route("**/api/v1/quotes*", (route) => route.abort());
      await page.locator(".outage").waitFor();
      await check("outage");
    });
  });
}

async function checker(page: Page, parts = PARTS): Promise<(where: string) => Promise<void>> {
  // A color in transition would be measured.
  await page.emulateMedia({ reducedMotion: "reduce" });
  return async (where) => assert.deepEqual(await axeViolations(page, parts), [], where);
}

async function showAlerts(page: Page): Promise<void> {
  const button = page.getByRole("navigation", { name: "Parts" }).getByRole("button", { name: "Alerts" });
  if (await button.isVisible()) await button.click();
}
