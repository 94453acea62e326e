import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { launch, priceChanged, shownPrice, signInByKey, withPage } from "./support/browser.ts";
import { TcpProxy } from "./support/tcp-proxy.ts";
import { BASE_URL, historyFilled, register } from "./support/stack.ts";

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

test("analytics that do not answer are reported where their numbers belong, and come back", async () => {
  const key = await register();
  await historyFilled(key);
  await withPage(browser, "analytics", { expected: /status of 503/ }, async (page) => {
    const analytics = "**/api/v1/analytics/BTC/*";
    const problem = { status: 503, type: "dependency_unavailable", detail: "The statistics are not available." };
    await page.route(analytics, (route) => route.fulfill({ status: 503, json: problem }));
    await signInByKey(page, key);
    await page.locator('[data-ticker="BTC"]').click();
    await page.locator('.chart[aria-label*=": from"]').waitFor();

    const pane = page.locator(".line-pane").filter({ hasText: "Volatility" });
    await pane.getByText("The statistics are not available.").waitFor();
    await pane.getByText(/Trying again/).waitFor();
    await page.locator(".kpis").getByText("The statistics are not available.").waitFor();
    // What needs no analytics is there.
    await page
      .locator(".line-pane")
      .filter({ hasText: "Drawdown" })
      .getByText(/−?\d+\.\d\d\s%/)
      .waitFor();
    const high = page.locator(".tile-group dl > div").filter({ has: page.locator("dt", { hasText: /^High/ }) });
    await high.getByText(/^\$/).first().waitFor();

    await page.unroute(analytics);
    await pane.getByRole("button", { name: "Try now" }).click();
    await pane.locator(".readout").getByText(/\d\s%/).waitFor();
  });
});
