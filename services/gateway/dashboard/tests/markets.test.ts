import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { launch, priceChanged, shownPrice, signInByKey, withPage } from "./support/browser.ts";
import { historyFilled, inverse, movePrice, register } from "./support/stack.ts";

let browser: Browser;
let key: string;
before(async () => {
  browser = await launch();
  key = await register();
  await historyFilled(key);
});
after(() => browser.close());

const amount = (text: string): number => Number(text.replace(/[^\d.]/g, ""));

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
    const tiles = await page.locator(".tile-group dd").allInnerTexts();
    assert.equal(tiles.length, 12);
    const known = tiles.filter((text) => text !== "—");
    assert.ok(known.length >= 10, `only ${known.length} numbers are known: ${tiles.join(" | ")}`);

    await page
      .locator(".chart")
      .and(page.getByLabel(/^Price of Bitcoin over 30 days: from \$/))
      .locator("canvas")
      .first()
      .waitFor();
    for (const [title, readout] of [
      ["Drawdown", /^(0|−\d+)\.\d\d\s%$/],
      ["Volatility, rolling", /^\d+\.\d\d\s%$/],
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

test("numbers of one screen agree with one another during a crash", async () => {
  const crash = -15;
  await withPage(browser, "crash", {}, async (page) => {
    await signInByKey(page, key);
    await page.locator('[data-ticker="XLM"]').click();
    await page.locator('.kpis[aria-busy="false"]').waitFor();
    await page.locator('.chart[aria-label*=": from"]').waitFor();
    const before = amount(await page.locator(".asset-head .price").innerText());
    await movePrice("XLM", crash);
    try {
      await page.waitForFunction(
        (most) => Number(document.querySelector(".asset-head .price")?.textContent?.replace(/[^\d.]/g, "")) < most,
        before * 0.9,
      );
      // In one evaluation, before the statistics are polled again.
      const shown = await page.evaluate(() => {
        const text = (selector: string): string => document.querySelector<HTMLElement>(selector)?.innerText ?? "";
        const row = document.querySelector('[data-ticker="XLM"]');
        return {
          price: text(".asset-head .price"),
          tiles: Object.fromEntries(
            Array.from(document.querySelectorAll<HTMLElement>(".tile-group dt"), (label) => [
              label.innerText,
              (label.nextElementSibling as HTMLElement).innerText,
            ]),
          ),
          captions: Array.from(
            document.querySelectorAll<HTMLElement>(".tile-group h3"),
            (caption) => caption.innerText,
          ),
          chart: document.querySelector(".chart")?.getAttribute("aria-label") ?? "",
          drawdownPane: text(".line-pane .readout"),
          sparkline: row?.querySelector(".sparkline path")?.getAttribute("class"),
          change: row?.querySelector(".delta")?.className,
        };
      });
      const [, end = "", low = "", high = ""] =
        /to (\$[\d.,]+), between (\$[\d.,]+) and (\$[\d.,]+)\./.exec(shown.chart) ?? [];
      assert.equal(end, shown.price, "the chart ends with the price at the head");
      assert.equal(shown.tiles["High"], high, "high of the chart");
      assert.equal(shown.tiles["Low"], low, "low of the chart");
      const drawdown = shown.tiles["Drawdown now"] ?? "";
      assert.equal(shown.drawdownPane, drawdown, "heading of the drawdown chart");
      const expected = (1 - amount(shown.price) / amount(high)) * 100;
      assert.ok(Math.abs(amount(drawdown) - expected) < 0.1, `drawdown ${drawdown}, not ${expected}`);
      assert.deepEqual([shown.sparkline, shown.change], ["down", "delta down"]);
      assert.match(shown.captions.join("\n"), /30 days.*live price\n.*1-hour.*as of \d\d:\d\d/);
      // The risk check has the same definition; it follows within its polling interval.
      await page.waitForFunction(() => {
        const tile = [...document.querySelectorAll(".tile-group dt")].find((label) =>
          label.textContent?.startsWith("Drawdown now"),
        );
        const check = document.querySelector('[role=meter][aria-label^="Drawdown"]')?.getAttribute("aria-valuetext");
        const [one, other] = [tile?.nextElementSibling?.textContent, check].map((text) =>
          parseFloat((text ?? "").replace("\u2212", "-")),
        );
        return one !== undefined && other !== undefined && one < -10 && Math.abs(one - other) < 0.2;
      });
    } finally {
      await movePrice("XLM", inverse(crash));
    }
  });
});
