import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launch, PHONE, signInByKey, THEMES, withPage } from "./support/browser.ts";
import { accessibilityIssues } from "./support/accessibility.ts";
import { historyFilled, register } from "./support/stack.ts";

let browser: Browser;
let key: string;
before(async () => {
  browser = await launch();
  key = await register();
  await historyFilled(key);
});
after(() => browser.close());

const focused = (page: Page): Promise<string> =>
  page.evaluate(() => document.activeElement?.getAttribute("data-ticker") ?? document.activeElement?.textContent ?? "");

test("every control works by keyboard alone", () =>
  withPage(browser, "keyboard", {}, async (page) => {
    await signInByKey(page, key);
    await page.locator(".kpis[aria-busy=false]").waitFor();
    await page.reload();
    await page.getByRole("option").first().waitFor();

    await page.keyboard.press("Tab");
    assert.equal(await focused(page), "Skip to content");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement?.id), "main");

    await page.locator('[role="option"][aria-selected="true"]').focus();
    await page.keyboard.press("ArrowDown");
    assert.equal(await focused(page), "ETH");
    await page.locator(".asset-head").getByRole("heading", { name: "Ethereum ETH" }).waitFor();
    await page.keyboard.press("Home");
    assert.equal(await focused(page), "BTC");

    await page.getByRole("radio", { name: "30d" }).focus();
    await page.keyboard.press("ArrowRight");
    assert.equal(await page.getByRole("radio", { name: "90d" }).isChecked(), true);

    await page.locator('.chart[aria-label*="over 90 days: from"]').focus();
    await page.keyboard.press("ArrowLeft");
    await page
      .locator(".charts > header .readout")
      .getByText(/open .* high .* low .* close/)
      .waitFor();

    const cell = page.locator('[role="gridcell"][tabindex="0"]');
    await cell.focus();
    await page.keyboard.press("ArrowRight");
    await page
      .locator(".correlation-caption")
      .getByText(/Ethereum/)
      .waitFor();

    const opener = page.getByRole("button", { name: "New alert" }).first();
    await opener.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog", { name: "New alert" }).waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("name")), "target_price");
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assert.equal(await focused(page), "New alert");

    await page.locator(".menu summary").focus();
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Log out" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Log out" }).waitFor({ state: "hidden" });
  }));

for (const colorScheme of THEMES)
  test(`pages have accessible names, unique ids and contrast in the ${colorScheme} theme`, () =>
    withPage(browser, `accessibility-${colorScheme}`, { colorScheme }, async (page) => {
      // A color in transition would be measured.
      await page.emulateMedia({ reducedMotion: "reduce" });
      await page.goto("/");
      await page.locator('input[name="key"]').waitFor();
      assert.deepEqual(await accessibilityIssues(page), []);
      await signInByKey(page, key);
      await page.locator(".kpis[aria-busy=false]").waitFor();
      await page.locator("[data-at]").first().waitFor();
      assert.deepEqual(await accessibilityIssues(page), []);
      await page.getByRole("button", { name: "New alert" }).first().click();
      await page.getByRole("dialog").waitFor();
      assert.deepEqual(await accessibilityIssues(page), []);
    }));

test("phone layout shows one part at a time and never scrolls sideways", () =>
  withPage(browser, "phone", { viewport: PHONE }, async (page) => {
    const fits = async (where: string): Promise<void> =>
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), PHONE.width, where);
    await page.goto("/");
    await page.locator('input[name="key"]').waitFor();
    await fits("sign-in");
    await signInByKey(page, key);
    await fits("markets");
    await page.locator('[data-ticker="ETH"]').click();
    await page.locator(".kpis[aria-busy=false]").waitFor();
    await page.locator("[data-at]").first().waitFor();
    await page.locator(".line-pane").first().waitFor();
    await fits("asset");
    assert.equal(await page.locator(".watch").isVisible(), false);
    await page.getByRole("navigation", { name: "Parts" }).getByRole("button", { name: "Alerts" }).click();
    await page.getByRole("heading", { name: "My alerts" }).waitFor();
    await fits("alerts");
    await page.getByRole("button", { name: "New alert" }).last().click();
    await page.getByRole("dialog").waitFor();
    await fits("form");
  }));

test("animations are off with reduced motion", () =>
  withPage(browser, "motion", {}, async (page) => {
    await page.emulateMedia({ reducedMotion: "reduce" });
    await signInByKey(page, key);
    await page.locator(".kpis[aria-busy=false]").waitFor();
    const moving = await page.evaluate(() => document.getAnimations().length);
    assert.equal(moving, 0);
  }));
