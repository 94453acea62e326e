import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { launch, priceChanged, shownPrice, signInByKey, withPage } from "./support/browser.ts";
import { createAlert, historyFilled, register } from "./support/stack.ts";

const WATCHED_MS = 10_000;
/** More than two polls of the prices. */
const SOON_MS = 8_000;

let browser: Browser;
before(async () => (browser = await launch()));
after(() => browser.close());

/** The API requests of all pages of the context during this time. */
async function requestsOver(context: BrowserContext, ms: number): Promise<string[]> {
  const paths: string[] = [];
  const count = (request: { url: () => string }): void => {
    const { pathname } = new URL(request.url());
    if (pathname.startsWith("/api/")) paths.push(pathname);
  };
  context.on("request", count);
  await new Promise((resolve) => setTimeout(resolve, ms));
  context.off("request", count);
  return paths;
}

async function openTabs(first: Page, count: number): Promise<Page[]> {
  const more = Array.from({ length: count }, async () => {
    const page = await first.context().newPage();
    await page.addInitScript("globalThis.__name = (wrapped) => wrapped");
    await page.goto("/");
    await page.getByRole("option").first().waitFor();
    await page.locator('.kpis[aria-busy="false"]').waitFor();
    return page;
  });
  return Promise.all(more);
}

const stayIn = async (page: Page, key: string): Promise<void> => {
  await page.goto("/");
  await page.getByLabel("Stay signed in on this device").check();
  await signInByKey(page, key);
  await page.locator('.kpis[aria-busy="false"]').waitFor();
};

const allChange = async (pages: Page[]): Promise<void> => {
  const changes = pages.map(async (page) => {
    page.setDefaultTimeout(SOON_MS);
    await priceChanged(page, "BTC", await shownPrice(page, "BTC"));
  });
  await Promise.all(changes);
};

test("four tabs send no more requests than one, and go on without the leader", async () => {
  const key = await register();
  await historyFilled(key);
  await withPage(browser, "tabs", {}, async (leader) => {
    await stayIn(leader, key);
    const context = leader.context();
    // Sparklines are loaded once, after which the rate of requests is constant.
    await leader.waitForFunction(
      () => document.querySelectorAll(".sparkline path").length >= document.querySelectorAll("[data-ticker]").length,
    );
    const alone = await requestsOver(context, WATCHED_MS);
    const others = await openTabs(leader, 3);
    const together = await requestsOver(context, WATCHED_MS);
    assert.ok(
      together.length <= alone.length + 2,
      `${together.length} requests of four tabs, ${alone.length} of one: ${together.join(" ")}`,
    );
    await allChange([leader, ...others]);

    await leader.close();
    await allChange(others);

    // A visible page that the browser has suspended.
    const frozen = others[0] as Page;
    const session = await context.newCDPSession(frozen);
    await session.send("Page.setWebLifecycleState", { state: "frozen" });
    await allChange(others.slice(1));
    await allChange(others.slice(1));
    await session.send("Page.setWebLifecycleState", { state: "active" });
    await allChange(others);
    const left = await requestsOver(context, WATCHED_MS);
    assert.ok(left.length <= alone.length + 2, `${left.length} requests of three tabs: ${left.join(" ")}`);
  });
});

test("log-out ends the account's other tabs and leaves those of other accounts", async () => {
  const [first, second] = [await register(), await register()];
  const webhook_url = "https://example.com/webhook";
  await createAlert(first, { ticker: "SOL", condition: "gt", target_price: 11_111, webhook_url });
  await createAlert(second, { ticker: "SOL", condition: "gt", target_price: 22_222, webhook_url });
  await withPage(browser, "two-accounts", {}, async (stranger) => {
    await signInByKey(stranger, second); // Stored for this tab only.
    const page = await stranger.context().newPage();
    await stayIn(page, first);
    const [other] = (await openTabs(page, 1)) as [Page];
    await other.locator("[data-alert]").getByText("$11,111.00").waitFor();
    await stranger.locator("[data-alert]").getByText("$22,222.00").waitFor();
    assert.equal(await stranger.locator("[data-alert]").count(), 1);

    await page.locator(".menu summary").click();
    await page.getByRole("button", { name: "Log out" }).click();
    await other.getByText("You logged out in another tab.").waitFor();
    await allChange([stranger]);
    await stranger.locator("[data-alert]").getByText("$22,222.00").waitFor();
  });
});
