import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { launch, signInByKey, THEMES, withPage, ZOOMED } from "./support/browser.ts";
import { tooWide } from "./support/reflow.ts";
import { createAlert, historyFilled, register } from "./support/stack.ts";

let browser: Browser;
let key: string;
before(async () => {
  browser = await launch();
  key = await register(`long-name-${crypto.randomUUID()}@a-department-of-a-company.example.com`);
  await createAlert(key, {
    ticker: "SOL",
    condition: "gt",
    target_price: 1_234_567.25,
    webhook_url: "https://example.com/webhook",
  });
  await historyFilled(key);
});
after(() => browser.close());

for (const colorScheme of THEMES)
  test(`nothing scrolls sideways on a screen of 1280 px at 400 %, in the ${colorScheme} theme`, () =>
    withPage(
      browser,
      `reflow-${colorScheme}`,
      { viewport: ZOOMED, colorScheme, expected: /net::ERR_/ },
      async (page) => {
        const fits = async (where: string): Promise<void> => assert.deepEqual(await tooWide(page), [], where);
        const show = (part: string): Promise<void> =>
          page.getByRole("navigation", { name: "Parts" }).getByRole("button", { name: part }).click();

        await page.goto("/");
        await page.locator('input[name="key"]').waitFor();
        await fits("sign-in");
        await page.getByRole("button", { name: "Create one" }).click();
        await page.getByLabel("E-mail").waitFor();
        await fits("registration");
        await page.getByRole("button", { name: "Sign in" }).click();

        await signInByKey(page, key);
        await fits("markets");
        await page.locator(".menu summary").click();
        await page.locator(".menu-body p").waitFor();
        await fits("menu");
        await page.keyboard.press("Escape");

        await show("BTC");
        await page.locator(".kpis[aria-busy=false]").waitFor();
        await page.locator('.chart[aria-label*=": from"]').waitFor();
        await page.locator("[data-at]").first().waitFor();
        await page.locator(".meanings summary").click();
        await page.getByLabel("Compare with").selectOption("ETH");
        await page.locator(".side-by-side").waitFor();
        await page.getByRole("button", { name: /^Show all \d+$/ }).click();
        await fits("asset");

        await show("Alerts");
        await page.locator(".row-button").waitFor();
        await fits("list");
        await page.getByRole("button", { name: "New alert" }).last().click();
        await page.getByLabel("Target price").fill("1,234,567,890.123456789012345678");
        await page.locator(".preview").getByText("rises above").waitFor();
        await fits("form");
        await page.keyboard.press("Escape");
        await page.locator(".row-button").click();
        await page.getByRole("button", { name: "Reveal secret" }).click();
        await page.getByLabel("Signing secret").waitFor();
        await page.getByText("How to verify the signature").click();
        await fits("details");
        await page.getByRole("button", { name: "Delete alert" }).click();
        await fits("confirmation");
        await page.keyboard.press("Escape");
        await page.keyboard.press("Escape");

        await page.getByLabel("Search the alerts").fill("no such alert");
        await page.getByText("No alert is like this.").waitFor();
        await fits("filter without a result");
        await page.route("**/api/v1/quotes*", (route) => route.abort());
        await page.locator(".outage").waitFor();
        await fits("outage");
      },
    ));
