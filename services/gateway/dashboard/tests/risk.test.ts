import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launch, signInByKey, withPage } from "./support/browser.ts";
import { BASE_URL, historyFilled, inverse, movePrice, register } from "./support/stack.ts";

let browser: Browser;
let key: string;
before(async () => {
  browser = await launch();
  key = await register();
  await historyFilled(key);
});
after(() => browser.close());

/** An asset that is not in Alert: a level stays for ten minutes, so an earlier run on the same stack has used some. */
async function calmAsset(): Promise<string> {
  const response = await fetch(`${BASE_URL}/api/v1/risk/monitors`, { headers: { "X-API-Key": key } });
  const { data } = (await response.json()) as { data: { symbol: string; level: string | null }[] };
  const calm = data.findLast(({ level }) => level === "OK" || level === "Warning");
  assert.ok(calm, "every asset is in Alert");
  return calm.symbol;
}

test("level is explained at the head, and its change is announced", async () => {
  const crash = -20;
  const asset = await calmAsset();
  await withPage(browser, "level", {}, async (page) => {
    await signInByKey(page, key);
    await page.locator(`[data-ticker="${asset}"]`).click();
    const line = page.locator(".level-line");
    await line.getByText(/since \d+ \w+, \d\d:\d\d/).waitFor();
    await movePrice(asset, crash);
    try {
      const toast = page.locator(".toasts[role=status]").getByText(new RegExp(`\\b${asset}: \\w+ → Alert`));
      await toast.waitFor();
      assert.match(
        await line.innerText(),
        /Alert\s+since .*\s+The price is \d+\.\d\s% below that of 24 hours ago; Alert begins at 10\s%\./,
      );
    } finally {
      await movePrice(asset, inverse(crash));
    }
  });
});

interface MonitorsReply {
  data: { level: string; checks: { value: number; alert: number; level: string }[] }[];
}

/** Shows all assets at `level`, with values three times beyond their thresholds. */
async function showLevel(page: Page, level: string): Promise<void> {
  await page.route("**/api/v1/risk/monitors", async (route) => {
    const response = await route.fetch();
    const body = (await response.json()) as MonitorsReply;
    for (const monitor of body.data) {
      monitor.level = level;
      for (const check of monitor.checks) Object.assign(check, { value: check.alert * 3, level });
    }
    await route.fulfill({ response, json: body });
  });
}

/** Words are longer in some languages. */
const everyLanguage = (...widths: number[]): [width: number, locale: string][] =>
  widths.flatMap((width) => ["en-US", "ru-RU"].map((locale): [number, string] => [width, locale]));

test("labels of the risk bars stay apart far beyond the thresholds", async () => {
  for (const [width, locale] of everyLanguage(320, 390, 1260, 1440))
    await withPage(browser, `scale-${width}-${locale}`, { locale, viewport: { width, height: 900 } }, async (page) => {
      await showLevel(page, "Alert");
      await signInByKey(page, key);
      await page.locator('[data-ticker="BTC"]').click();
      await page.locator(".scale").nth(2).waitFor();
      const overlaps = await page.evaluate(
        () =>
          Array.from(document.querySelectorAll(".scale")).filter((scale) => {
            const [one, other] = Array.from(scale.children, (label) => label.getBoundingClientRect());
            const panel = scale.getBoundingClientRect();
            return !one || !other || one.right + 4 > other.left || other.right > panel.right + 1;
          }).length,
      );
      assert.equal(overlaps, 0, `at ${width} px in ${locale}`);
    });
});

test("badge stands beside its ticker in the watch list", async () => {
  for (const [width, locale] of everyLanguage(320, 1000, 1440))
    await withPage(browser, `badge-${width}-${locale}`, { locale, viewport: { width, height: 900 } }, async (page) => {
      await showLevel(page, "Warning");
      await signInByKey(page, key);
      await page.locator(".watch .risk-badge").nth(10).waitFor();
      const wrapped = await page.evaluate(() =>
        Array.from(document.querySelectorAll(".watch [role=option]"))
          .filter((row) => {
            const [ticker, badge] = [".ticker", ".risk-badge"].map((part) =>
              row.querySelector(part)?.getBoundingClientRect(),
            );
            return ticker && badge && badge.top > ticker.bottom - 4;
          })
          .map((row) => row.getAttribute("data-ticker")),
      );
      assert.deepEqual(wrapped, [], `at ${width} px in ${locale}`);
    });
});
