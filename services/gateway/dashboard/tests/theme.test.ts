import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launch, signInByKey, withPage } from "./support/browser.ts";
import { columnsOf, pixelAt, shownColor } from "./support/pixels.ts";
import { historyFilled, register } from "./support/stack.ts";

const WHITE = "rgb(255, 255, 255)";
const DARK = "rgb(19, 22, 27)";

let browser: Browser;
let key: string;
before(async () => {
  browser = await launch();
  key = await register();
  await historyFilled(key);
});
after(() => browser.close());

const background = (page: Page): Promise<string> =>
  page.evaluate(() => getComputedStyle(document.body).backgroundColor);

const shows = (page: Page, color: string): Promise<unknown> =>
  page.waitForFunction((wanted) => getComputedStyle(document.body).backgroundColor === wanted, color);

const choice = (page: Page, name: string): ReturnType<Page["getByRole"]> =>
  page.getByRole("group", { name: "Theme" }).getByRole("radio", { name });

const barColors = (page: Page): Promise<string[]> =>
  page
    .locator('meta[name="theme-color"]')
    .evaluateAll((metas) => [...new Set(metas.map((meta) => (meta as HTMLMetaElement).content))]);

test("theme follows the system while nothing else is chosen, also when it changes", () =>
  withPage(browser, "system-theme", { colorScheme: "dark" }, async (page) => {
    await page.goto("/");
    await page.locator('input[name="key"]').waitFor();
    assert.equal(await choice(page, "System").isChecked(), true);
    assert.equal(await background(page), DARK);
    assert.deepEqual(await barColors(page), [DARK]);
    await page.emulateMedia({ colorScheme: "light" });
    await shows(page, WHITE);
    assert.deepEqual(await barColors(page), [WHITE]);
    await choice(page, "Dark").check({ force: true });
    await shows(page, DARK);
    assert.deepEqual(await barColors(page), [DARK]);
    await page.emulateMedia({ colorScheme: "dark" });
    await choice(page, "Light").check({ force: true });
    await shows(page, WHITE);
    // Native controls and scroll bars are the browser's.
    assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), "light");
    await choice(page, "System").check({ force: true });
    await shows(page, DARK);
  }));

test("choice is made by keyboard in the account menu, and outlives a reload and a sign-out", () =>
  withPage(browser, "theme-choice", {}, async (page) => {
    await signInByKey(page, key);
    await page.locator(".menu summary").focus();
    await page.keyboard.press("Enter");
    // The language is the first stop, the theme the second.
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    assert.equal(await choice(page, "System").evaluate((radio) => radio === document.activeElement), true);
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    assert.equal(await choice(page, "Dark").isChecked(), true);
    await shows(page, DARK);
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement?.textContent?.trim()), "Account and keys");

    await page.reload();
    await page.getByRole("option").first().waitFor();
    assert.equal(await background(page), DARK);
    await page.locator(".menu summary").click();
    assert.equal(await choice(page, "Dark").isChecked(), true);

    const other = await page.context().newPage();
    await other.goto("/");
    await other.locator('input[name="key"]').waitFor();
    await choice(other, "Light").check({ force: true });
    await shows(page, WHITE);
    await choice(other, "Dark").check({ force: true });
    await other.close();

    await shows(page, DARK);
    await page.getByRole("button", { name: "Log out" }).click();
    await page.locator('input[name="key"]').waitFor();
    assert.equal(await background(page), DARK);
    assert.equal(await choice(page, "Dark").isChecked(), true);
  }));

test("no frame is in another theme than the chosen one", () =>
  withPage(browser, "no-flash", {}, async (page) => {
    await page.goto("/");
    await choice(page, "Dark").check({ force: true });
    await page.addInitScript(() => {
      const frames: string[] = [];
      Object.assign(globalThis, { frames_: frames });
      const look = (): void => {
        if (document.body) frames.push(getComputedStyle(document.body).backgroundColor);
        requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
      addEventListener("DOMContentLoaded", () => frames.push(getComputedStyle(document.body).backgroundColor));
    });
    // Slow, so that frames are painted before it runs.
    await page.route(/\/assets\/.*\.js$/, async (route) => {
      await new Promise((resolve) => setTimeout(resolve, 500));
      await route.continue();
    });
    await page.reload();
    await page.locator('input[name="key"]').waitFor();
    const frames = await page.evaluate(() => (globalThis as unknown as { frames_: string[] }).frames_);
    assert.ok(frames.length > 1);
    assert.deepEqual([...new Set(frames)], [DARK]);
  }));

test("charts change their colors with the theme and keep their range", () =>
  withPage(browser, "theme-charts", { colorScheme: "light" }, async (page) => {
    await signInByKey(page, key);
    await page.locator('[data-ticker="BTC"]').click();
    await page.getByLabel("Compare with").selectOption("ETH");
    await page.locator(".compare-chart canvas").first().waitFor();
    await page.locator(".line-pane").filter({ hasText: "Volatility" }).getByText(/\d\s%/).waitFor();
    const charts = [".chart", ".compare-chart"] as const;
    const drawn = async (chart: string, color: string): Promise<[number, number]> => {
      const deadline = Date.now() + 5_000;
      for (;;) {
        const columns = await columnsOf(page, chart, color);
        if (columns) return columns;
        assert.ok(Date.now() < deadline, `${chart} has no pixel of ${color}`);
        await page.waitForTimeout(50);
      }
    };
    const light = await shownColor(page, "accent");
    const before = await Promise.all(charts.map((chart) => drawn(chart, light)));

    await page.emulateMedia({ colorScheme: "dark" });
    await shows(page, DARK);
    const dark = await shownColor(page, "accent");
    assert.notEqual(dark, light);
    const after = await Promise.all(charts.map((chart) => drawn(chart, dark)));
    for (const [i, chart] of charts.entries()) {
      assert.equal(await columnsOf(page, chart, light), null, `${chart} still has the light accent`);
      for (const side of [0, 1] as const)
        assert.ok(
          Math.abs((before[i]?.[side] ?? 0) - (after[i]?.[side] ?? 0)) <= 2,
          `${chart}: ${before.join(" ")} to ${after.join(" ")}`,
        );
    }

    await page.locator(".chart").scrollIntoViewIfNeeded();
    const box = await page.locator(".chart").boundingBox();
    assert.ok(box);
    // Between the heading and the first candle there is only the chart's own background.
    assert.equal(await pixelAt(page, box.x + 1, box.y + 4), DARK);
    await page.emulateMedia({ colorScheme: "light" });
    await shows(page, WHITE);
    assert.equal(await pixelAt(page, box.x + 1, box.y + 4), WHITE);
  }));

test("correlations are dark in the dark theme", () =>
  withPage(browser, "theme-correlations", { colorScheme: "dark" }, async (page) => {
    await signInByKey(page, key);
    const cell = page.locator("[data-at='1-0']");
    await cell.waitFor();
    const colors = (): Promise<string[]> =>
      cell.evaluate((each) => [getComputedStyle(each).backgroundColor, getComputedStyle(each).color]);
    assert.equal((await colors())[1], WHITE);
    const [dark] = await colors();
    await page.emulateMedia({ colorScheme: "light" });
    await shows(page, WHITE);
    assert.notEqual((await colors())[0], dark);
  }));

test("paper is light, also that of a dark page", () =>
  withPage(browser, "theme-print", { colorScheme: "dark" }, async (page) => {
    await signInByKey(page, key);
    await page.locator('.chart[aria-label*=": from"]').waitFor();
    await page.emulateMedia({ media: "print" });
    await shows(page, WHITE);
    assert.ok(
      await columnsOf(page, ".chart", await shownColor(page, "accent")),
      "the chart is printed in light colors",
    );
    await page.emulateMedia({ media: "screen" });
    await shows(page, DARK);
  }));

test("theme can be chosen where storage is blocked", () =>
  withPage(browser, "theme-no-storage", {}, async (page) => {
    await page.addInitScript(() => {
      Object.defineProperty(globalThis, "localStorage", {
        get: () => {
          throw new DOMException("The operation is insecure.", "SecurityError");
        },
      });
    });
    await page.goto("/");
    await page.locator('input[name="key"]').waitFor();
    await choice(page, "Dark").check({ force: true });
    await shows(page, DARK);
  }));
