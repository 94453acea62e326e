import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { launch, priceChanged, shownPrice, signInByKey, withPage } from "./support/browser.ts";
import { Gate } from "./support/gate.ts";
import { BASE_URL, register } from "./support/stack.ts";

let browser: Browser;
before(async () => (browser = await launch()));
after(() => browser.close());

test("while the gateway is gone the page says so and keeps the last prices; then it recovers by itself", async () => {
  const gate = new Gate(BASE_URL);
  await gate.open();
  try {
    const options = { origin: gate.origin, expected: /net::ERR_/ };
    await withPage(browser, "outage", options, async (page) => {
      await signInByKey(page, await register());
      await page.locator('.connection[data-state="live"]').waitFor();
      await gate.shut();
      await page.locator('.connection[data-state="reconnecting"]').waitFor();
      await page.getByText("Numbers below are the last known.").waitFor();
      const last = await shownPrice(page, "BTC");
      await gate.open();
      await page.locator('.connection[data-state="live"]').waitFor();
      await priceChanged(page, "BTC", last);
    });
  } finally {
    await gate.shut();
  }
});
