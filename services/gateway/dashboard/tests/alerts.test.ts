import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launch, PHONE, shownPrice, signInByKey, withPage } from "./support/browser.ts";
import { WebhookReceiver } from "./support/webhook-receiver.ts";
import { createAlert, inverse, movePrice, register } from "./support/stack.ts";

const RISE_PERCENT = 6;

let browser: Browser;
before(async () => (browser = await launch()));
after(() => browser.close());

/** Fills the form with a target `percent` above the shown price, and returns the target. */
async function write(page: Page, ticker: string, percent: number, url: string): Promise<number> {
  const current = Number((await shownPrice(page, ticker)).replace(/[$,]/g, ""));
  const target = Number((current * (1 + percent / 100)).toPrecision(6));
  await page.getByRole("button", { name: "New alert" }).first().click();
  await page.getByRole("dialog").getByLabel("Asset", { exact: true }).selectOption(ticker);
  await page.getByLabel("Target price").fill(String(target));
  await page.getByLabel("Webhook URL").fill(url);
  return target;
}

test("alert is created, fires when the price moves, shows its delivery, and is deleted", async () => {
  const receiver = new WebhookReceiver();
  const url = await receiver.open();
  const key = await register();
  try {
    await withPage(browser, "alert", {}, async (page) => {
      await signInByKey(page, key);
      await page.getByText("No alerts yet.").waitFor();
      const target = await write(page, "LTC", RISE_PERCENT / 2, url);
      await page
        .locator(".preview")
        .getByText(/^Fires when LTC rises above \$.* \(\+[23]\.\d\s% from now\)$/)
        .waitFor();
      await page.getByRole("button", { name: "Create alert" }).click();
      const row = page.locator("[data-alert]");
      await row.getByText("Armed").waitFor();

      await movePrice("LTC", RISE_PERCENT);
      await row.getByText("Delivered").waitFor();

      await row.getByRole("button", { name: /^Details of LTC above/ }).click();
      const drawer = page.getByRole("dialog");
      const attempt = drawer.locator(".attempts li");
      await attempt.getByText("Delivered").waitFor();
      await attempt.getByText("Attempt 1").waitFor();
      await attempt.getByText("HTTP 200").waitFor();
      await drawer.locator(".events li").getByText("Triggered").waitFor();
      assert.equal(receiver.received.length, 1);
      const body = JSON.parse(receiver.received[0]?.body ?? "{}") as { ticker: string; target_price: number };
      assert.equal(body.ticker, "LTC");
      assert.equal(body.target_price, target);

      await drawer.getByRole("button", { name: "Reveal secret" }).click();
      assert.match(await drawer.getByLabel("Signing secret").innerText(), /^whsec_[A-Za-z0-9+/]{43}=$/);
      await drawer.getByRole("button", { name: "Send test" }).click();
      await drawer
        .locator(".test-message .outcome")
        .getByText(/^Delivered\. The endpoint answered 200 in/)
        .waitFor();

      await page.keyboard.press("Escape");
      await drawer.waitFor({ state: "detached" });
      await row.getByRole("button", { name: /^Delete LTC above/ }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
      await page.getByText("No alerts yet.").waitFor();
    });
  } finally {
    await movePrice("LTC", inverse(RISE_PERCENT));
    await receiver.close();
  }
});

test("target price is shown with every digit that was typed", async () => {
  const key = await register();
  const receiver = "https://example.com/webhook";
  for (const target_price of [103.235, 103.239])
    await createAlert(key, { ticker: "BTC", condition: "lt", target_price, webhook_url: receiver });
  await withPage(browser, "exact-target", {}, async (page) => {
    await signInByKey(page, key);
    await page.locator("[data-alert]").getByText("$103.235").waitFor();
    await page.locator("[data-alert]").getByText("$103.239").waitFor();

    const shown = "$1,234,567,890.123456789012345678";
    await page.getByRole("button", { name: "New alert" }).first().click();
    await page.getByLabel("Target price").fill(shown);
    assert.equal(await page.getByLabel("Webhook URL").inputValue(), receiver);
    await page.locator(".preview").getByText(`rises above ${shown}`).waitFor();
    await page.getByRole("button", { name: "Create alert" }).click();
    await page.locator(".toasts").getByText(`above ${shown}`).waitFor();
    await page.reload();
    const row = page.locator("[data-alert]").filter({ hasText: shown });
    await row.getByRole("button", { name: /^Delete/ }).click();
    await page.getByRole("dialog").getByText(`above ${shown}.`).waitFor();
    await page.getByRole("button", { name: "Keep it" }).click();
    await page.setViewportSize(PHONE);
    await page.getByRole("navigation", { name: "Parts" }).getByRole("button", { name: "Alerts" }).click();
    await row.waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), PHONE.width);
  });
});

test("failed delivery says why and when it is tried again", async () => {
  const receiver = new WebhookReceiver([503]);
  const url = await receiver.open();
  const key = await register();
  try {
    await withPage(browser, "failed-delivery", {}, async (page) => {
      await signInByKey(page, key);
      // Below the current price, so the condition is already true.
      await write(page, "ETH", -RISE_PERCENT, url);
      await page
        .locator(".preview")
        .getByText(/already above .* would fire at the next price/)
        .waitFor();
      await page.getByRole("button", { name: "Create alert" }).click();
      await page
        .locator("[data-alert]")
        .getByText(/^Retrying \(2 of 4, next (in \d+\ss|is due)\)$/)
        .waitFor();
      await page.locator(".row-button").click();
      const failed = page.locator(".attempts li.failed");
      await failed.getByText("HTTP 503").waitFor();
      await page
        .locator(".attempts")
        .getByText(/^Next attempt (in|is due)/)
        .first()
        .waitFor();
      await page.locator(".attempts li.success").getByText("Attempt 2").waitFor();
    });
  } finally {
    await receiver.close();
  }
});

test("webhook that was given up is the first thing one sees, with its reason and what to do", async () => {
  const receiver = new WebhookReceiver([410], "This hook has moved.");
  const webhook_url = await receiver.open();
  const key = await register();
  try {
    await createAlert(key, { ticker: "ETH", condition: "gt", target_price: 0.01, webhook_url });
    await withPage(browser, "given-up", {}, async (page) => {
      await signInByKey(page, key);
      const notice = page.locator(".failures");
      await notice.getByText(/^Webhook not delivered\. ETH above \$0\.01: failed: status 410/).waitFor();
      await page.locator("[data-alert]").getByText("Failed: status 410").waitFor();
      await page.getByRole("radio", { name: "Failed" }).check({ force: true });
      await page.locator("[data-alert]").waitFor();
      await notice.getByRole("button", { name: "See what to do" }).click();
      const drawer = page.getByRole("dialog");
      await drawer.getByText("The endpoint says that it is gone, which disables it.").waitFor();
      await drawer.getByText("The endpoint's answer").click();
      await drawer.getByText("This hook has moved.").waitFor();
      assert.equal(await drawer.getByText(/Next attempt/).count(), 0);
      await page.keyboard.press("Escape");
      await notice.getByRole("button", { name: "Dismiss" }).click();
      await notice.waitFor({ state: "detached" });
      await page.reload();
      await notice.waitFor();

      await page.locator(".row-button").click();
      await drawer.getByRole("button", { name: "Enable again" }).click();
      await drawer.locator(".problem").waitFor({ state: "detached" });
      await drawer.getByRole("button", { name: "Send again" }).click();
      await drawer.locator(".attempts li.success").getByText("Attempt 2").waitFor();
      await page.locator("[data-alert]").getByText("Delivered").waitFor();
      await notice.waitFor({ state: "detached" });
      const [first, second] = receiver.received;
      assert.equal(second?.body, first?.body);
      assert.equal(second?.headers["webhook-id"], first?.headers["webhook-id"]);
    });
  } finally {
    await receiver.close();
  }
});

test("test message says what the endpoint answered", async () => {
  const receiver = new WebhookReceiver([500], "out of order");
  const webhook_url = await receiver.open();
  const key = await register();
  let isOpen = true;
  try {
    await createAlert(key, { ticker: "ETH", condition: "gt", target_price: 999_999, webhook_url });
    await withPage(browser, "test-message", {}, async (page) => {
      await signInByKey(page, key);
      await page.locator(".row-button").click();
      const drawer = page.getByRole("dialog");
      const outcome = drawer.locator(".test-message .outcome");
      await drawer.getByRole("button", { name: "Send test" }).click();
      await outcome.getByText(/^Retrying \(2 of 4, .*\)\. The endpoint answered 500 in/).waitFor();
      await drawer.locator(".test-message").getByText("out of order").waitFor();
      await drawer.getByRole("button", { name: "Send test" }).click();
      await outcome.getByText(/^Delivered\. The endpoint answered 200 in/).waitFor();
      await receiver.close();
      isOpen = false;
      await drawer.getByRole("button", { name: "Send test" }).click();
      await outcome.getByText(/^Retrying \(2 of 4, .*\)\. Attempt 1: connection failed\.$/).waitFor();
      await drawer.getByText("Nothing accepts connections there.").waitFor();
    });
  } finally {
    if (isOpen) await receiver.close();
  }
});

test("invalid input is reported at its field", () =>
  withPage(browser, "validation", { expected: /status of 4(09|22)/ }, async (page) => {
    await signInByKey(page, await register());
    await page.getByRole("button", { name: "New alert" }).first().click();
    await page.getByRole("button", { name: "Create alert" }).click();
    await page.getByText("Enter a price above 0, such as 70,000.").waitFor();
    await page.getByText("Enter the address that should be called.").waitFor();

    await page.getByLabel("Target price").fill("$1,000,000");
    await page.getByLabel("Webhook URL").fill("ftp://example.com");
    await page.getByRole("button", { name: "Create alert" }).click();
    const url = page.getByLabel("Webhook URL");
    await page.locator('input[name="webhook_url"][aria-invalid]').waitFor();
    const note = (await url.getAttribute("aria-describedby")) ?? "";
    assert.notEqual(await page.locator(`[id="${note}"]`).innerText(), "");

    for (let i = 0; i < 2; i++) {
      if (i > 0) {
        await page.getByRole("button", { name: "New alert" }).first().click();
        await page.getByLabel("Target price").fill("1000000");
      }
      await page.getByLabel("Webhook URL").fill("https://example.com/webhook");
      await page.getByRole("button", { name: "Create alert" }).click();
      if (i === 0) await page.locator("[data-alert]").waitFor();
    }
    await page.getByText("You already have an active alert with exactly the same parameters.").waitFor();
  }));

test("disabled endpoint says since when and why, and is enabled again", async () => {
  const receiver = new WebhookReceiver([410]);
  const webhook_url = await receiver.open();
  const key = await register();
  try {
    // Below the current price, so it fires at once; the receiver responds with 410 Gone.
    await createAlert(key, { ticker: "ETH", condition: "gt", target_price: 0.01, webhook_url });
    await withPage(browser, "disabled-receiver", {}, async (page) => {
      await signInByKey(page, key);
      await page.locator("[data-alert]").getByText("Endpoint disabled").waitFor({ timeout: 60_000 });
      await page.locator(".row-button").click();
      const drawer = page.getByRole("dialog");
      const why = /^Endpoint disabled since \d+ [A-Z][a-z]+, \d\d:\d\d, because it answered 410 Gone\./;
      await drawer.getByText(why).waitFor();
      await drawer.locator(".events li").getByText("Message given up").waitFor();
      await drawer.getByRole("button", { name: "Enable again" }).click();
      await drawer.getByText(/answered 410 Gone/).waitFor({ state: "detached" });
      await page.getByText("Endpoint disabled").waitFor({ state: "detached" });
      await drawer.getByRole("button", { name: "Send test" }).click();
      await drawer
        .locator(".test-message .outcome")
        .getByText(/^Delivered\. The endpoint answered 200 in/)
        .waitFor();
    });
    const deadline = Date.now() + 10_000;
    while (receiver.received.length < 2) {
      assert.ok(Date.now() < deadline, "the test did not arrive");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  } finally {
    await receiver.close();
  }
});

test("alert without data says so in the list", async () => {
  const key = await register();
  const webhook_url = "https://example.com/webhook";
  await createAlert(key, { ticker: "SOL", condition: "gt", target_price: 9_999, webhook_url });
  await withPage(browser, "no-data", {}, async (page) => {
    // The simulated prices never stop, so the response is changed.
    await page.route("**/api/v1/alerts/*", async (route) => {
      const response = await route.fetch();
      const list = (await response.json()) as object[];
      const no_data = { since: "2026-01-01T10:00:00.000Z", reason: "no_price" };
      await route.fulfill({ response, json: list.map((alert) => ({ ...alert, state: "no_data", no_data })) });
    });
    await signInByKey(page, key);
    const row = page.locator("[data-alert]");
    await row.getByText("No data").waitFor();
    await row.getByText(/^Cannot fire: no price since \d+ [A-Z][a-z]+, \d\d:\d\d$/).waitFor();
  });
});
