import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launch, PHONE, signInByKey, THEMES, withPage, ZOOMED } from "./support/browser.ts";
import { contrastOf } from "./support/contrast.ts";
import { createAlert, register } from "./support/stack.ts";

const LONG_EMAIL = `long-name-${crypto.randomUUID()}@a-department-of-a-company.example.com`;

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

test("account stays on a narrow screen while the page reconnects", () =>
  withPage(browser, "narrow-header", { viewport: PHONE, expected: /net::ERR_/ }, async (page) => {
    await signInByKey(page, key);
    await page.route("**/api/v1/quotes*", (route) => route.abort());
    await page.locator('.connection[data-state="reconnecting"]').waitFor();
    for (const width of [PHONE.width, ZOOMED.width]) {
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

for (const colorScheme of THEMES)
  test(`inputs, their placeholders and their borders have enough contrast in the ${colorScheme} theme`, () =>
    withPage(browser, `input-contrast-${colorScheme}`, { colorScheme }, async (page) => {
      await signInByKey(page, key);
      await openForm(page);
      const input = page.getByRole("dialog").locator("input[placeholder]").first();
      const [placeholder, field] = await input.evaluate((element) => [
        getComputedStyle(element, "::placeholder").color,
        getComputedStyle(element.closest(".input") ?? element).backgroundColor,
      ]);
      assert.ok(contrastOf(placeholder ?? "", field ?? "") >= 4.5, `${placeholder} on ${field}`);
      await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).focus();
      for (const [around, selectors] of [
        ["dialog", ["dialog .input", "dialog select"]],
        ["body", [".list-tools .input", ".list-tools select"]],
      ] as const)
        for (const selector of selectors) {
          const [border, outside] = await page.evaluate(
            ([inner = "", outer = ""]) =>
              [inner, outer].map((each, i) => {
                const style = getComputedStyle(document.querySelector(each) as Element);
                return i === 0 ? style.borderTopColor : style.backgroundColor;
              }),
            [selector, around],
          );
          assert.ok(contrastOf(border ?? "", outside ?? "") >= 3, `${selector}: ${border} on ${outside}`);
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
