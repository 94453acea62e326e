import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { launch, SCREENS, signInByKey, withPage } from "./support/browser.ts";
import { walk } from "./support/keyboard.ts";
import { createAlert, historyFilled, register } from "./support/stack.ts";

let browser: Browser;
let key: string;
before(async () => {
  browser = await launch();
  key = await register();
  await createAlert(key, {
    ticker: "SOL",
    condition: "gt",
    target_price: 999_999,
    webhook_url: "https://example.com/webhook",
  });
  await historyFilled(key);
});
after(() => browser.close());

for (const { name, viewport, colorScheme } of SCREENS)
  test(`tab key reaches every control, and what it reaches is seen, on a ${name}`, () =>
    withPage(browser, `keyboard-${name}`, { viewport, colorScheme }, async (page) => {
      await page.emulateMedia({ reducedMotion: "reduce" });
      const check = async (where: string, within = "body"): Promise<void> =>
        assert.deepEqual(await walk(page, within), { missed: [], unseen: [] }, where);
      const show = async (part: string): Promise<void> => {
        const button = page.getByRole("navigation", { name: "Parts" }).getByRole("button", { name: part });
        if (await button.isVisible()) await button.click();
      };
      await page.goto("/");
      await page.locator('input[name="key"]').waitFor();
      await check("sign-in");
      await signInByKey(page, key);
      await page.locator(".kpis[aria-busy=false]").waitFor({ state: "attached" });
      await page.locator("[data-at]").first().waitFor({ state: "attached" });
      await page.locator(".row-button").waitFor({ state: "attached" });
      await check("markets");
      await show("BTC");
      await check("asset");
      await show("Alerts");
      await check("alerts");
      await page.locator(".menu summary").click();
      await check("menu", ".menu");
      await page.getByRole("button", { name: "New alert" }).last().click();
      await page.getByRole("dialog").waitFor();
      await check("form", "dialog");
      await page.keyboard.press("Escape");
      await page.locator(".row-button").click();
      await page.getByRole("button", { name: "Reveal secret" }).waitFor();
      await check("details", "dialog");
    }));
