import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { launch, priceChanged, shownPrice, signInByKey, withPage } from "./support/browser.ts";
import { BASE_URL, historyFilled, inverse, movePrice, register } from "./support/stack.ts";

let browser: Browser;
let key: string;
before(async () => {
  browser = await launch();
  key = await register();
  await historyFilled(key);
});
after(() => browser.close());

test("watch list shows live prices that change", () =>
  withPage(browser, "prices", {}, async (page) => {
    await signInByKey(page, key);
    const before = await shownPrice(page, "BTC");
    assert.match(before, /^\$[\d,]+\.\d{2}$/);
    await priceChanged(page, "BTC", before);
    await page
      .locator('.connection[data-state="live"]')
      .getByText(/· \d+\sm?s ago/)
      .waitFor();
    await page.getByText("Simulated market").waitFor();
    await page.locator('[data-ticker="BTC"] .sparkline path').waitFor({ state: "attached" });
    await page.locator('[data-ticker="BTC"] .risk-badge').waitFor();
  }));

test("selected asset and range are in the URL and survive a reload", () =>
  withPage(browser, "choice", {}, async (page) => {
    await signInByKey(page, key);
    await page.locator('[data-ticker="ETH"]').click();
    await page.locator(".asset-head").getByRole("heading", { name: "Ethereum ETH" }).waitFor();
    await page.getByRole("radio", { name: "7d" }).check({ force: true });
    await page.waitForURL(/#ETH\/7d$/);
    await page.reload();
    await page.locator(".asset-head").getByRole("heading", { name: "Ethereum ETH" }).waitFor();
    assert.equal(await page.getByRole("radio", { name: "7d" }).isChecked(), true);
  }));

test("statistics, charts, risk checks and correlations are filled from the API", () =>
  withPage(browser, "numbers", {}, async (page) => {
    await signInByKey(page, key);
    await page.locator('.kpis[aria-busy="false"]').waitFor();
    const tiles = await page.locator(".kpis dd").allInnerTexts();
    assert.equal(tiles.length, 12);
    const known = tiles.filter((text) => text !== "—");
    assert.ok(known.length >= 10, `only ${known.length} numbers are known: ${tiles.join(" | ")}`);

    const stats = await page.request.get(`${BASE_URL}/api/v1/analytics/BTC/stats?window=30d`, {
      headers: { "X-API-Key": key },
    });
    const { data } = (await stats.json()) as { data: { max_price: number } };
    const high = (tiles[1] ?? "").replace(/[$,]/g, "");
    assert.ok(Math.abs(Number(high) / data.max_price - 1) < 0.02, `${high} is not near ${data.max_price}`);

    await page
      .locator(".chart")
      .and(page.getByLabel(/^Price of Bitcoin over 30 days: from \$/))
      .locator("canvas")
      .first()
      .waitFor();
    for (const [title, readout] of [
      ["Drawdown", /^(0|−\d+)\.\d\d\s%$/],
      ["Rolling volatility", /^\d+\.\d\d\s%$/],
    ] as const)
      await page.locator(".line-pane").filter({ hasText: title }).getByText(readout).waitFor();
    await page.getByRole("meter").nth(2).waitFor();
    assert.equal(await page.getByRole("meter").count(), 3);
    await page.locator("[data-at]").first().waitFor();
    const cells = await page.locator("[data-at]").allInnerTexts();
    assert.equal(cells[0], "1.00");
    assert.ok(
      cells.every((cell) => cell === "—" || /^[−]?[01]\.\d\d$/.test(cell)),
      cells.join(" "),
    );
  }));

test("tiles agree with the price at the head during a crash", async () => {
  const crash = -15;
  await withPage(browser, "crash", {}, async (page) => {
    await signInByKey(page, key);
    await page.locator('[data-ticker="XLM"]').click();
    await page.locator('.kpis[aria-busy="false"]').waitFor();
    const amount = (text: string): number => Number(text.replace(/[^\d.]/g, ""));
    const before = amount(await page.locator(".asset-head .price").innerText());
    await movePrice("XLM", crash);
    try {
      await page.waitForFunction(
        (most) => Number(document.querySelector(".asset-head .price")?.textContent?.replace(/[^\d.]/g, "")) < most,
        before * 0.9,
      );
      // In one evaluation, before the statistics are polled again.
      const [price, tiles] = await page.evaluate((): [string, string[]] => [
        document.querySelector(".asset-head .price")?.textContent ?? "",
        Array.from(document.querySelectorAll(".kpis dd"), (tile) => tile.textContent ?? ""),
      ]);
      const [high, low, drawdown] = [tiles[1], tiles[2], tiles[6]].map((text) => amount(text ?? ""));
      assert.ok((low ?? 0) <= amount(price), `low ${low} above the price ${price}`);
      const expected = (1 - amount(price) / (high ?? 0)) * 100;
      assert.ok(Math.abs((drawdown ?? 0) - expected) < 0.1, `drawdown ${drawdown}, not ${expected}`);
    } finally {
      await movePrice("XLM", inverse(crash));
    }
  });
});
