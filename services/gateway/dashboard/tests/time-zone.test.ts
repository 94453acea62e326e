import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { launch, signInByKey, withPage } from "./support/browser.ts";
import { createAlert, historyFilled, register } from "./support/stack.ts";

let browser: Browser;
let key: string;
before(async () => {
  browser = await launch();
  key = await register();
  await createAlert(key, {
    ticker: "BTC",
    condition: "gt",
    target_price: 999_999,
    webhook_url: "https://example.com/webhook",
  });
  await historyFilled(key);
});
after(() => browser.close());

for (const [timezoneId, shown, minutes] of [
  ["UTC", /^Times: UTC$/, 0],
  ["Asia/Kolkata", /^Times: Asia\/(Kolkata|Calcutta), UTC\+5:30$/, 330],
  ["America/Phoenix", /^Times: America\/Phoenix, UTC−7$/, -420],
] as const)
  test(`times are those of the reader in ${timezoneId}, which the page says`, () =>
    withPage(browser, `zone-${timezoneId.replace("/", "-")}`, { timezoneId }, async (page) => {
      await signInByKey(page, key);
      await page.locator('[data-ticker="BTC"]').click();
      await page.locator(".charts .time-zone").getByText(shown).waitFor();
      await page.locator(".alerts .time-zone").getByText(shown).waitFor();
      const created = await page.locator(".alert-table .changed").last().innerText();
      const near = [0, 1, 2, 3, 4, 5].map((ago) => new Date(Date.now() + (minutes - ago) * 60_000).toISOString());
      const clocks = near.map((time) => time.slice(11, 16));
      assert.ok(
        clocks.some((clock) => created.endsWith(`, ${clock}`)),
        `${created} is none of ${clocks.join(" ")}`,
      );
    }));
