import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launch, shownPrice, signInByKey, withPage } from "./support/browser.ts";
import { register } from "./support/stack.ts";

const RECEIVER = "https://example.com/webhook";

let browser: Browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const open = (page: Page): Promise<void> => page.getByRole("button", { name: "New alert" }).first().click();
const target = (page: Page): ReturnType<Page["getByLabel"]> => page.getByLabel("Target price");
const url = (page: Page): ReturnType<Page["getByLabel"]> => page.getByLabel("Webhook URL");
const submit = (page: Page): Promise<void> => page.getByRole("button", { name: "Create alert" }).click();

/** Collects the bodies of the alerts that the page creates. */
function creations(page: Page): string[] {
  const bodies: string[] = [];
  page.on("request", (request) => {
    if (request.method() === "POST" && new URL(request.url()).pathname === "/api/v1/alerts/")
      bodies.push(request.postData() ?? "");
  });
  return bodies;
}

test("number of another convention is refused, and nothing is sent", () =>
  withPage(browser, "convention", {}, async (page) => {
    await signInByKey(page, await register());
    const sent = creations(page);
    await open(page);
    await page.getByLabel("Asset", { exact: true }).selectOption("DOGE");
    await url(page).fill(RECEIVER);
    for (const [text, meant] of [
      ["0,29", "0.29"],
      ["110.000,50", "110,000.50"],
    ] as const) {
      await target(page).fill(text);
      assert.equal(await page.locator(".preview").innerText(), "");
      await target(page).press("Tab");
      await page.getByText(`Did you mean ${meant}?`).waitFor();
      await submit(page);
      await page.locator('input[name="target_price"][aria-invalid]').waitFor();
    }
    assert.deepEqual(sent, []);
    await target(page).fill("110,000.50");
    await page.locator(".preview").getByText("rises above $110,000.50").waitFor();
    assert.equal(await page.locator("[aria-invalid]").count(), 0);
    await submit(page);
    await page.locator("[data-alert]").getByText("$110,000.50").waitFor();
    assert.match(sent[0] ?? "", /"target_price":110000\.50/);
  }));

test("targets at a distance are offered, and a condition that is already true is warned of", () =>
  withPage(browser, "suggestions", {}, async (page) => {
    await signInByKey(page, await register());
    await open(page);
    await page.getByLabel("Asset", { exact: true }).selectOption("ETH");
    const price = Number((await shownPrice(page, "ETH")).replace(/[$,]/g, ""));
    for (const [percent, verb] of [
      ["−10", "falls below"],
      ["−5", "falls below"],
      ["+5", "rises above"],
      ["+10", "rises above"],
    ] as const) {
      await page.getByRole("button", { name: new RegExp(`^\\${percent}\\s%$`) }).click();
      await page.locator(".preview").getByText(verb).waitFor();
      const chosen = Number((await target(page).inputValue()).replaceAll(",", ""));
      const distance = (chosen / price - 1) * 100;
      assert.ok(Math.abs(distance - Number(percent.replace("−", "-"))) < 1, `${percent} %: ${distance}`);
    }
    await target(page).fill("1,000,000");
    await page.getByRole("radio", { name: "Falls below" }).check({ force: true });
    const warning = page.locator(".preview.warning");
    await warning
      .getByText(/^ETH is already below \$1,000,000\.00 \(now \$[\d,.]+\): this alert would fire at the next price\.$/)
      .waitFor();
    assert.match(await page.getByRole("dialog").getByRole("status").innerText(), /already below \$1,000,000\.00/);
  }));

test("entries survive a closed form and a failed request", () =>
  withPage(browser, "kept-entries", { expected: /status of 503|net::ERR_/ }, async (page) => {
    await signInByKey(page, await register());
    await open(page);
    await page.getByLabel("Asset", { exact: true }).selectOption("ETH");
    await target(page).fill("12,345.5");
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await open(page);
    await page.getByText("Continued from before.").waitFor();
    assert.equal(await page.getByLabel("Asset", { exact: true }).inputValue(), "ETH");
    assert.equal(await target(page).inputValue(), "12,345.5");

    await url(page).fill(RECEIVER);
    await page.route("**/api/v1/alerts/", (route) =>
      route.request().method() === "POST" ? route.abort() : route.continue(),
    );
    await submit(page);
    const problem = page.getByRole("dialog").getByRole("alert");
    await problem.getByText("The server does not answer.").waitFor();
    assert.doesNotMatch(await problem.innerText(), /keeps trying/);
    assert.equal(await target(page).inputValue(), "12,345.5");

    // The form is closed before the response arrives.
    await page.unroute("**/api/v1/alerts/");
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    await page.route("**/api/v1/alerts/", async (route) => {
      if (route.request().method() !== "POST") return route.continue();
      await held;
      await route.fulfill({ status: 503, json: { detail: "A dependency does not answer." } });
    });
    await submit(page);
    await page.getByRole("button", { name: "Cancel" }).click();
    release();
    await page.locator(".toasts").getByText("Alert not created: A dependency does not answer.").waitFor();
    await open(page);
    assert.equal(await target(page).inputValue(), "12,345.5");
    assert.equal(await url(page).inputValue(), RECEIVER);

    await page.unroute("**/api/v1/alerts/");
    await submit(page);
    await page.locator("[data-alert]").waitFor();
    await open(page);
    assert.equal(await target(page).inputValue(), "");
    assert.equal(await page.getByText("Continued from before.").count(), 0);
  }));

test("entries survive a revoked key, for the same account only", async () => {
  const [key, other] = [await register(), await register()];
  await withPage(browser, "revoked-key", { expected: /status of 401/ }, async (page) => {
    await signInByKey(page, key);
    const fillAndLose = async (): Promise<void> => {
      await page.route("**/api/v1/alerts/", (route) =>
        route.request().method() === "POST"
          ? route.fulfill({ status: 401, json: { detail: "Invalid or inactive API Key" } })
          : route.continue(),
      );
      await submit(page);
      await page.locator('input[name="key"]').waitFor();
      await page.unroute("**/api/v1/alerts/");
    };
    await open(page);
    await target(page).fill("1,234,567");
    await url(page).fill(RECEIVER);
    await fillAndLose();
    await signInByKey(page, key);
    await page.getByRole("dialog", { name: "New alert" }).waitFor();
    assert.equal(await target(page).inputValue(), "1,234,567");
    assert.equal(await url(page).inputValue(), RECEIVER);

    await fillAndLose();
    await signInByKey(page, other);
    assert.equal(await page.getByRole("dialog").count(), 0);
    await open(page);
    assert.equal(await target(page).inputValue(), "");
    assert.equal(await url(page).inputValue(), "");
  });
});
