import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { launch, signInByKey, withPage } from "./support/browser.ts";
import { historyFilled, inverse, movePrice, register } from "./support/stack.ts";

let browser: Browser;
let key: string;
before(async () => {
  browser = await launch();
  key = await register();
  await historyFilled(key);
});
after(() => browser.close());

test("level is explained at the head, and its change is announced", async () => {
  const crash = -20;
  await withPage(browser, "level", {}, async (page) => {
    await signInByKey(page, key);
    await page.locator('[data-ticker="UNI"]').click();
    const line = page.locator(".level-line");
    await line.getByText(/since \d+ \w+, \d\d:\d\d/).waitFor();
    await movePrice("UNI", crash);
    try {
      const toast = page.locator(".toasts[role=status]").getByText(/Risk of UNI: \w+ → Alert/);
      await toast.waitFor();
      assert.match(
        await line.innerText(),
        /Alert\s+since .*\s+The price is 2\d\.\d\s% below that of 24 hours ago; Alert begins at 10\s%\./,
      );
    } finally {
      await movePrice("UNI", inverse(crash));
    }
  });
});
