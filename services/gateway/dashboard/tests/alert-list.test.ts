import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launch, PHONE, signInByKey, withPage } from "./support/browser.ts";
import { createAlert, register } from "./support/stack.ts";

const RECEIVER = "https://example.com/webhook";

let browser: Browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const MANY = 1_050;
const ROW = "[data-alert]";

/** Answers with many alerts made of a real one, in pages as the API gives them. */
async function withMany(page: Page): Promise<void> {
  let all: object[] = [];
  await page.route("**/api/v1/alerts/?*", async (route) => {
    // Only once: the real API does not know these cursors.
    if (all.length === 0) {
      const [real] = (await (await route.fetch()).json()) as object[];
      all = Array.from({ length: MANY }, (_, i) => ({
        ...real,
        id: crypto.randomUUID(),
        ticker: i % 2 === 0 ? "BTC" : "ETH",
        target_price: String(1_000_000 + i),
        webhook_url: i < 3 ? `https://example.com/special-${i}` : RECEIVER,
      }));
    }
    const query = new URL(route.request().url()).searchParams;
    const from = Number(query.get("cursor") ?? 0);
    const to = from + Number(query.get("limit"));
    const headers: Record<string, string> = to < MANY ? { "X-Next-Cursor": String(to) } : {};
    await route.fulfill({ status: 200, headers, json: all.slice(from, to) });
  });
}

const firstRow = (page: Page): Promise<string> => page.locator(".row-button").first().innerText();

test("thousand alerts are all loaded, searched, filtered and sorted, and stay quick", async () => {
  const key = await register();
  await createAlert(key, { ticker: "BTC", condition: "gt", target_price: 1_000_000, webhook_url: RECEIVER });
  await withPage(browser, "many-alerts", {}, async (page) => {
    await withMany(page);
    await signInByKey(page, key);
    const result = page.getByRole("search").getByRole("status");
    await result.getByText("1,050", { exact: true }).waitFor();
    await page.getByText("1,050 armed").waitFor();
    assert.equal(await page.locator(ROW).count(), 100);
    await page.getByRole("button", { name: "Show 100 more of 1,050" }).click();
    assert.equal(await page.locator(ROW).count(), 200);

    const search = page.getByLabel("Search the alerts");
    await search.fill("special-1");
    await result.getByText("1 of 1,050").waitFor();
    assert.match(await firstRow(page), /ETH above \$1,000,001\.00/);
    await search.fill("nothing like this");
    await page.getByText("No alert is like this.").waitFor();
    await page.getByRole("button", { name: "Show all", exact: true }).click();
    assert.equal(await search.inputValue(), "");

    await page.getByLabel("Alerts of").selectOption("ETH");
    await result.getByText("525 of 1,050").waitFor();
    await page.getByRole("button", { name: "Alert", exact: true }).click();
    assert.match(await firstRow(page), /ETH above \$1,000,001\.00/);
    await page.getByRole("button", { name: "Alert", exact: true }).click();
    assert.match(await firstRow(page), /ETH above \$1,001,049\.00/);
    assert.equal(await page.getByRole("columnheader", { name: "Alert" }).getAttribute("aria-sort"), "descending");
    await page.getByRole("radio", { name: "Fired" }).check({ force: true });
    await page.getByText("No alert is like this.").waitFor();
    await page.getByRole("radio", { name: "Armed" }).check({ force: true });
    await result.getByText("525 of 1,050").waitFor();

    const typical = await page.evaluate(async () => {
      const input = document.querySelector<HTMLInputElement>('input[name="search"]');
      const times: number[] = [];
      for (const text of ["e", "et", "eth", "eth a", "eth ab", ""]) {
        const began = performance.now();
        if (input) input.value = text;
        input?.dispatchEvent(new Event("input", { bubbles: true }));
        await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
        times.push(performance.now() - began);
      }
      return times.sort((a, b) => a - b)[2] ?? Infinity;
    });
    assert.ok(typical < 300, `a keystroke took ${Math.round(typical)} ms`);
  });
});

test("pages of the API are followed by its cursor", async () => {
  const key = await register();
  for (let i = 0; i < 5; i++)
    await createAlert(key, { ticker: "BTC", condition: "gt", target_price: 1_000_000 + i, webhook_url: RECEIVER });
  await withPage(browser, "pages", {}, async (page) => {
    await page.route("**/api/v1/alerts/?*", (route) =>
      route.continue({ url: route.request().url().replace("limit=1000", "limit=2") }),
    );
    await signInByKey(page, key);
    await page.getByText("5 armed").waitFor();
    assert.equal(await page.locator(ROW).count(), 5);
  });
});

test("table of alerts fits every width, with its button to delete", async () => {
  const key = await register();
  for (const [i, ticker] of ["BTC", "ETH", "DOGE"].entries())
    await createAlert(key, {
      ticker,
      condition: "gt",
      target_price: 1_234_567.25 + i,
      webhook_url: `https://example.com/${"a-long-path/".repeat(8)}${i}`,
    });
  await withPage(browser, "table-widths", {}, async (page) => {
    await signInByKey(page, key);
    await page.locator(ROW).first().waitFor();
    for (const width of [320, PHONE.width, 761, 900, 981, 1024, 1070, 1280, 1440]) {
      await page.setViewportSize({ width, height: 800 });
      const alertsTab = page.getByRole("navigation", { name: "Parts" }).getByRole("button", { name: "Alerts" });
      if (await alertsTab.isVisible()) await alertsTab.click();
      const edges = await page.evaluate(() => [
        document.documentElement.scrollWidth,
        ...Array.from(document.querySelectorAll("[data-alert] .icon-button"), (button) =>
          Math.round(button.getBoundingClientRect().right),
        ),
      ]);
      assert.ok(
        edges.every((edge) => edge <= width),
        `at ${width} px: ${edges.join(" ")}`,
      );
    }
  });
});
