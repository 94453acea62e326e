import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { accessibilityIssues } from "./support/accessibility.ts";
import { launch, signInByKey, withPage } from "./support/browser.ts";
import { createAlert, historyFilled, register } from "./support/stack.ts";

let browser: Browser;
let key: string;
before(async () => {
  browser = await launch();
  key = await register();
  await historyFilled(key);
});
after(() => browser.close());

test("two assets are compared from 100 on, and their numbers stand side by side", () =>
  withPage(browser, "compare", {}, async (page) => {
    await page.emulateMedia({ reducedMotion: "reduce" });
    await signInByKey(page, key);
    await page.locator('[data-ticker="BTC"]').click();
    await page.getByLabel("Compare with").selectOption("ETH");
    const chart = page.getByRole("img", { name: /^Bitcoin and Ethereum over 30 days from 100 on: BTC is at \d/ });
    await chart.locator("canvas").first().waitFor();
    const table = page.locator(".side-by-side");
    await table
      .getByRole("row", { name: /^Sharpe/ })
      .getByText(/± \d/)
      .nth(1)
      .waitFor();
    const drawdowns = await table
      .getByRole("row", { name: /^Drawdown now/ })
      .getByRole("cell")
      .allInnerTexts();
    const tile = page.locator(".tile-group dl > div").filter({ has: page.locator("dt", { hasText: "Drawdown now" }) });
    assert.equal(drawdowns.length, 2);
    assert.equal(drawdowns[0], await tile.locator("dd").innerText(), "same name, same number");
    assert.deepEqual(await accessibilityIssues(page), []);
    // An asset is not compared with itself.
    await page.locator('[data-ticker="ETH"]').click();
    await table.waitFor({ state: "detached" });
  }));

test("correlation is that of the chosen window", () =>
  withPage(browser, "correlation", {}, async (page) => {
    await signInByKey(page, key);
    await page.locator("[data-at]").first().waitFor();
    const request = page.waitForRequest(
      (each) => each.url().includes("/correlation?") && each.url().includes("window=7d"),
    );
    await page.getByRole("radio", { name: "7d" }).check({ force: true });
    await request;
    await page.getByText(/7 days, Pearson/).waitFor();
    await page.getByText(/168 common returns/).waitFor();
  }));

test("risk table shows the worst assets first, and all of them on request", () =>
  withPage(browser, "risk-table", {}, async (page) => {
    await signInByKey(page, key);
    const section = page.getByRole("region", { name: "Risk of all assets" });
    const table = section.getByRole("table");
    const rows = table.locator("tbody tr");
    const symbols = (): Promise<string[]> => table.locator("tbody th").allInnerTexts();
    await rows.first().waitFor();
    const worst = await symbols();
    assert.equal(worst.length, 8);
    const all = section.getByRole("button", { name: /^Show all \d+$/ });
    assert.equal(await all.getAttribute("aria-expanded"), "false");
    await all.focus();
    await page.keyboard.press("Enter");
    await rows.nth(20).waitFor();
    assert.deepEqual((await symbols()).slice(0, 8), worst);
    const first = section.getByRole("button", { name: "Show the first 8" });
    assert.equal(await first.getAttribute("aria-expanded"), "true");
    await page.keyboard.press("Enter");
    await rows.nth(8).waitFor({ state: "detached" });

    const headings = await table.locator("thead :is(.sort, .since)").evaluateAll((each) =>
      each.map((heading) => {
        const range = document.createRange();
        // Without the arrow, which is of another font.
        range.selectNode(heading.firstChild as Node);
        return range.getBoundingClientRect().bottom;
      }),
    );
    assert.ok(Math.max(...headings) - Math.min(...headings) < 2, `headings end at ${headings.join(", ")}`);
  }));

test("risk table is sorted by any column", () =>
  withPage(browser, "risk-table-sorted", {}, async (page) => {
    await signInByKey(page, key);
    const section = page.getByRole("region", { name: "Risk of all assets" });
    const table = section.getByRole("table");
    await section.getByRole("button", { name: /^Show all/ }).click();
    await table.getByRole("row").nth(21).waitFor();
    await table.getByRole("button", { name: "Drawdown, 30 d" }).click();
    assert.equal(
      await table.getByRole("columnheader", { name: "Drawdown, 30 d" }).getAttribute("aria-sort"),
      "ascending",
    );
    const shown = await table.locator("tbody tr > td:nth-child(5)").allInnerTexts();
    const values = shown.map((text) => parseFloat(text.replace("\u2212", "-")));
    assert.deepEqual(
      values,
      values.toSorted((a, b) => a - b),
    );
    const worst = table.locator("tbody tr").first().getByRole("button");
    const symbol = await worst.innerText();
    await worst.click();
    await page.locator(".asset-head h2 .muted", { hasText: symbol }).waitFor();
  }));

test("watch list is searched, and favourites come first", () =>
  withPage(browser, "favourites", {}, async (page) => {
    await signInByKey(page, key);
    const rows = page.locator(".watch [role=option]");
    const search = page.getByLabel("Search assets");
    await search.fill("ethereum");
    await rows.nth(2).waitFor({ state: "detached" });
    assert.deepEqual(await rows.evaluateAll((each) => each.map((row) => row.getAttribute("data-ticker"))), [
      "ETH",
      "ETC",
    ]);
    await page.keyboard.press("Tab");
    await page.keyboard.press("ArrowDown");
    await search.fill("no such asset");
    await page.getByText("No asset matches").waitFor();
    await search.fill("");
    await page.locator('[data-ticker="LINK"]').click();
    const star = page.getByRole("button", { name: "LINK is a favourite" });
    await star.click();
    assert.equal(await star.getAttribute("aria-pressed"), "true");
    assert.equal(await rows.first().getAttribute("data-ticker"), "LINK");
    await page.reload();
    await rows.first().getByText("favourite").waitFor({ state: "attached" });
    assert.equal(await rows.first().getAttribute("data-ticker"), "LINK");
  }));

test("targets of armed alerts are lines on the chart of their asset", () =>
  withPage(browser, "targets", {}, async (page) => {
    const own = await register();
    await createAlert(own, {
      ticker: "ETH",
      condition: "gt",
      target_price: 987_654,
      webhook_url: "https://example.com/hook",
    });
    await signInByKey(page, own);
    await page.locator('[data-ticker="ETH"]').click();
    await page.locator('.chart[aria-label*="Alerts at $987,654.00."]').waitFor();
    await page.locator('[data-ticker="BTC"]').click();
    await page.locator('.chart[aria-label^="Price of Bitcoin"]:not([aria-label*="Alerts at"])').waitFor();
  }));
