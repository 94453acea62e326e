import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launch, PHONE, signInByKey, withPage } from "./support/browser.ts";
import { contrastOf } from "./support/contrast.ts";
import { createAlert, register } from "./support/stack.ts";

const LONG_EMAIL = `long-name-${crypto.randomUUID()}@a-department-of-a-company.example.com`;
/** The width of a screen of 1280 px at 400 %. */
const REFLOW = { width: 320, height: 640 };

let browser: Browser;
let key: string;
before(async () => {
  browser = await launch();
  key = await register(LONG_EMAIL);
  await createAlert(key, {
    ticker: "SOL",
    condition: "gt",
    target_price: 1_234_567.25,
    webhook_url: "https://example.com/webhook",
  });
});
after(() => browser.close());

const openForm = (page: Page): Promise<void> => page.getByRole("button", { name: "New alert" }).last().click();
const showAlerts = (page: Page): Promise<void> =>
  page.getByRole("navigation", { name: "Parts" }).getByRole("button", { name: "Alerts" }).click();

test("account stays on a narrow screen while the page reconnects", () =>
  withPage(browser, "narrow-header", { viewport: PHONE, expected: /net::ERR_/ }, async (page) => {
    await signInByKey(page, key);
    await page.route("**/api/v1/quotes*", (route) => route.abort());
    await page.locator('.connection[data-state="reconnecting"]').waitFor();
    for (const width of [PHONE.width, REFLOW.width]) {
      await page.setViewportSize({ width, height: 800 });
      const account = await page.locator(".menu summary").boundingBox();
      assert.ok(account && account.x + account.width <= width, `at ${width} px: ${JSON.stringify(account)}`);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
    }
  }));

test("long e-mail address stays on one line of the header and is whole in the menu", () =>
  withPage(browser, "long-email", {}, async (page) => {
    await signInByKey(page, key);
    await page.locator(".account-name").getByText(LONG_EMAIL).waitFor();
    const name = await page.locator(".account-name").boundingBox();
    assert.ok(name && name.height < 30, `the name is ${name?.height} px high`);
    await page.locator(".menu summary").click();
    const body = page.locator(".menu-body");
    await body.getByText(LONG_EMAIL).waitFor();
    assert.equal(await body.evaluate((element) => element.scrollWidth > element.clientWidth), false);
  }));

test("inputs, their placeholders and their borders have enough contrast", () =>
  withPage(browser, "input-contrast", {}, async (page) => {
    await signInByKey(page, key);
    await openForm(page);
    const input = page.getByRole("dialog").locator("input[placeholder]").first();
    const placeholder = await input.evaluate((element) => getComputedStyle(element, "::placeholder").color);
    assert.ok(contrastOf(placeholder, "rgb(255, 255, 255)") >= 4.5, placeholder);
    await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).focus();
    for (const selector of ["dialog .input", "dialog select", ".list-tools .input", ".list-tools select"]) {
      const border = await page
        .locator(selector)
        .first()
        .evaluate((element) => getComputedStyle(element).borderTopColor);
      assert.ok(contrastOf(border, "rgb(255, 255, 255)") >= 3, `${selector}: ${border}`);
    }
  }));

test("selection is seen in forced colours", () =>
  withPage(browser, "forced-colours", {}, async (page) => {
    await page.emulateMedia({ forcedColors: "active" });
    await signInByKey(page, key);
    await openForm(page);
    const backgrounds = await page
      .getByRole("dialog")
      .locator(".segmented input + span")
      .evaluateAll((options) => options.map((option) => getComputedStyle(option).backgroundColor));
    assert.equal(new Set(backgrounds).size, 2, backgrounds.join(" "));
  }));

test("text follows the size that the reader has set", () =>
  withPage(browser, "text-size", {}, async (page) => {
    await signInByKey(page, key);
    await openForm(page);
    const sizes = (): Promise<number[]> =>
      page.evaluate(() =>
        ["h1", ".account-name", ".alert-table td", ".list-tools input", "dialog label", "dialog input", ".hint"].map(
          (selector) => parseFloat(getComputedStyle(document.querySelector(selector) as Element).fontSize),
        ),
      );
    const before = await sizes();
    await page.evaluate(() => (document.documentElement.style.fontSize = "200%"));
    assert.deepEqual(
      await sizes(),
      before.map((size) => size * 2),
    );
  }));

test("alerts, their details and the form need no horizontal scrolling at 400 %", () =>
  withPage(browser, "reflow", { viewport: REFLOW }, async (page) => {
    const fits = async (where: string): Promise<void> => {
      const wide = await page.evaluate(() => [
        document.documentElement.scrollWidth - document.documentElement.clientWidth,
        ...Array.from(document.querySelectorAll("dialog"), (dialog) => dialog.scrollWidth - dialog.clientWidth),
      ]);
      assert.ok(
        wide.every((excess) => excess <= 0),
        `${where}: ${wide.join(" ")}`,
      );
    };
    await page.goto("/");
    await page.getByLabel("API key").waitFor();
    await fits("sign-in");
    await signInByKey(page, key);
    await showAlerts(page);
    await page.locator(".row-button").waitFor();
    await fits("list");
    await openForm(page);
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
  }));
