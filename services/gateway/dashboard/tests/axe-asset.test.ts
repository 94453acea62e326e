import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { axeViolations } from "./support/axe.ts";
import { launch, SCREENS, signInByKey, withPage } from "./support/browser.ts";
import { historyFilled, register } from "./support/stack.ts";

let browser: Browser;
let key: string;
before(async () => {
  browser = await launch();
  key = await register();
  await historyFilled(key);
});
after(() => browser.close());

for (const { name, viewport, colorScheme } of SCREENS)
  test(`axe finds nothing in the watch list and the parts of an asset on a ${name}`, () =>
    withPage(browser, `axe-asset-${name}`, { viewport, colorScheme }, async (page) => {
      // A color in transition would be measured.
      await page.emulateMedia({ reducedMotion: "reduce" });
      await signInByKey(page, key);
      assert.deepEqual(await axeViolations(page, ["html"]), [], "watch list");
      await page.locator('[data-ticker="BTC"]').click();
      await page.getByRole("button", { name: "BTC is a favourite" }).click();
      await page.getByLabel("Compare with").selectOption("ETH");
      await page.locator(".meanings summary").click();
      await page.locator(".side-by-side").waitFor();
      await page.locator("[data-at]").first().waitFor();
      await page.getByRole("button", { name: /^Show all \d+$/ }).click();
      await page.locator(".risk-table tbody tr").nth(20).waitFor();
      assert.deepEqual(await axeViolations(page, ["html"]), [], "asset");
    }));
