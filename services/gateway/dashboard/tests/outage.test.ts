import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { launch, priceChanged, shownPrice, signInByKey, withPage } from "./support/browser.ts";
import { TcpProxy } from "./support/tcp-proxy.ts";
import { BASE_URL, register } from "./support/stack.ts";

let browser: Browser;
before(async () => (browser = await launch()));
after(() => browser.close());

test("outage is shown with the last prices, and the page recovers by itself", async () => {
  const proxy = new TcpProxy(BASE_URL);
  await proxy.open();
  try {
    const options = { origin: proxy.origin, expected: /net::ERR_/ };
    await withPage(browser, "outage", options, async (page) => {
      await signInByKey(page, await register());
      await page.locator('.connection[data-state="live"]').waitFor();
      await proxy.close();
      await page.locator('.connection[data-state="reconnecting"]').waitFor();
      await page.getByText("Numbers below are the last known.").waitFor();
      const last = await shownPrice(page, "BTC");
      await proxy.open();
      await page.locator('.connection[data-state="live"]').waitFor();
      await priceChanged(page, "BTC", last);
    });
  } finally {
    await proxy.close();
  }
});
