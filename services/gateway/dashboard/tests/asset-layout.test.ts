import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { DESKTOP, launch, PHONE, signInByKey, withPage } from "./support/browser.ts";
import { historyFilled, register } from "./support/stack.ts";

let browser: Browser;
let key: string;
before(async () => {
  browser = await launch();
  key = await register();
  await historyFilled(key);
});
after(() => browser.close());

const loaded = async (page: Page): Promise<void> => {
  await page.locator(".kpis[aria-busy=false]").waitFor({ state: "attached" });
  await page.locator('.chart[aria-label*=": "]').waitFor({ state: "attached" });
  await page.locator("[data-at]").first().waitFor({ state: "attached" });
  await page.locator(".level-line span").first().waitFor({ state: "attached" });
};

interface Shift extends PerformanceEntry {
  value: number;
  hadRecentInput: boolean;
  sources: { node: Element | null }[];
}

test("nothing on the page moves while it loads", async () => {
  for (const viewport of [DESKTOP, PHONE])
    await withPage(browser, `shift-${viewport.width}`, { viewport }, async (page) => {
      await signInByKey(page, key);
      await page.addInitScript(() => {
        const shifts: [number, string[]][] = [];
        Object.assign(globalThis, { shifts });
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries() as Shift[])
            if (!entry.hadRecentInput)
              shifts.push([entry.value, entry.sources.map(({ node }) => node?.className?.toString() ?? "")]);
        }).observe({ type: "layout-shift", buffered: true });
      });
      await page.reload();
      await loaded(page);
      await page.waitForTimeout(1_000);
      const shifts = await page.evaluate(() => (globalThis as unknown as { shifts: [number, string[]][] }).shifts);
      const total = shifts.reduce((sum, [value]) => sum + value, 0);
      assert.ok(total <= 0.05, `${total.toFixed(3)} at ${viewport.width} px: ${JSON.stringify(shifts)}`);
    });
});

/** Elements of `selector` whose text is wider than they are, or that lie over the next one. */
const overprinted = (page: Page, selector: string): Promise<string[]> =>
  page.evaluate((wanted) => {
    const shown = Array.from(document.querySelectorAll<HTMLElement>(wanted)).filter((each) => each.checkVisibility());
    const boxes = shown.map((each) => {
      const range = document.createRange();
      range.selectNodeContents(each);
      return range.getBoundingClientRect();
    });
    return shown
      .filter((_, i) => {
        const box = boxes[i] as DOMRect;
        const meets = boxes.some(
          (other, j) =>
            j !== i &&
            box.left < other.right - 1 &&
            other.left < box.right - 1 &&
            box.top < other.bottom - 1 &&
            other.top < box.bottom - 1,
        );
        return meets || box.right > document.documentElement.clientWidth;
      })
      .map((each) => each.innerText);
  }, selector);

test("tiles do not overprint, and nothing scrolls sideways, on a narrow screen or with large text", async () => {
  // 1280 px at 400 % are 320 px; the font size of 200 % is that of a reader's settings.
  for (const [width, fontSize, locale] of [
    [320, 16, "en-US"],
    [390, 32, "en-US"],
    [1440, 32, "en-US"],
    [320, 16, "ru-RU"],
    [390, 32, "ru-RU"],
    [1440, 32, "ru-RU"],
  ] as const) {
    const options = { locale, viewport: { width, height: 800 } };
    await withPage(browser, `narrow-${width}-${fontSize}-${locale}`, options, async (page) => {
      await signInByKey(page, key);
      await page.addStyleTag({ content: `html { font-size: ${fontSize}px !important }` });
      for (const part of width < 761 ? [0, 1] : [null]) {
        if (part !== null) await page.locator(".tab-bar button").nth(part).click();
        await loaded(page);
        const wide = await page.evaluate(() =>
          Array.from(document.querySelectorAll(".watch *, .asset-part *"))
            .filter((each) => each.checkVisibility() && !each.closest(".table-scroll, .chart, .visually-hidden"))
            .filter((each) => each.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
            .map((each) => `${each.tagName}.${each.getAttribute("class")} ${each.getBoundingClientRect().right}`),
        );
        assert.deepEqual(wide, [], `${part} at ${width} px in ${locale}`);
      }
      assert.deepEqual(await overprinted(page, ".tile-group dd, .tile-group dt"), [], `at ${width} px in ${locale}`);
    });
  }
});

test("few stops of the tab key lie between the head and the chart, and none is a tooltip", () =>
  withPage(browser, "tab-order", {}, async (page) => {
    await signInByKey(page, key);
    await loaded(page);
    const stops = await page.evaluate(() =>
      Array.from(
        document.querySelectorAll<HTMLElement>(".asset-part :is(a, button, input, summary, select, [tabindex='0'])"),
        (each) => each.className || each.tagName.toLowerCase(),
      ),
    );
    assert.deepEqual(
      stops.filter((name) => name.startsWith("tooltip")),
      [],
    );
    const meanings = page.locator(".asset-part summary", { hasText: "What these numbers mean" });
    await meanings.focus();
    await page.keyboard.press("Enter");
    await page.locator(".meanings dd").getByText("Deepest fall below the highest price").waitFor();
  }));

test("chart readings by arrow keys are announced", () =>
  withPage(browser, "announced", {}, async (page) => {
    await signInByKey(page, key);
    await page.locator(".line-pane").filter({ hasText: "Volatility" }).getByText(/\d\s%/).waitFor();
    await page.locator('.chart[aria-label*=": from"]').focus();
    const announced = page.locator(".charts [role=status].visually-hidden");
    await page.keyboard.press("ArrowLeft");
    await announced.getByText(/open \$.* high \$.* low \$.* close \$.*drawdown .*% · volatility .*%/).waitFor();
    const first = await announced.innerText();
    await page.keyboard.press("ArrowLeft");
    await page.waitForFunction(
      (before) => document.querySelector<HTMLElement>(".charts [role=status].visually-hidden")?.innerText !== before,
      first,
    );
    await page.keyboard.press("Escape");
    await page.waitForFunction(
      () => document.querySelector(".charts [role=status].visually-hidden")?.textContent === "",
    );
  }));
