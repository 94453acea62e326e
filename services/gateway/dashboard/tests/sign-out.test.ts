import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launch, signInByKey, withPage } from "./support/browser.ts";
import { createAlert, register } from "./support/stack.ts";

let browser: Browser;
before(async () => (browser = await launch()));
after(() => browser.close());

/** Whether any string on the page's heap contains the text. */
async function isHeld(page: Page, text: string): Promise<boolean> {
  const session = await page.context().newCDPSession(page);
  const chunks: string[] = [];
  session.on("HeapProfiler.addHeapSnapshotChunk", ({ chunk }) => chunks.push(chunk));
  await session.send("HeapProfiler.collectGarbage");
  await session.send("HeapProfiler.takeHeapSnapshot", { reportProgress: false });
  await session.detach();
  const { strings } = JSON.parse(chunks.join("")) as { strings: string[] };
  return strings.some((each) => each.includes(text));
}

/** Clicks the button by script, because an open dialog covers it. */
const logOut = (page: Page): Promise<void> =>
  page.getByRole("button", { name: "Log out", includeHidden: true }).evaluate((button: HTMLElement) => button.click());

test("signed-out account leaves nothing on the page or in memory", async () => {
  const [first, second] = [await register(), await register()];
  const receiver = `https://example.com/only-of-the-first-${crypto.randomUUID()}`;
  await createAlert(first, { ticker: "ETH", condition: "gt", target_price: 987_654, webhook_url: receiver });
  await withPage(browser, "sign-out", {}, async (page) => {
    await page.goto("/");
    await page.getByLabel("Stay signed in on this device").check();
    await signInByKey(page, first);
    await page.locator('[data-ticker="ETH"]').click();
    await page.getByRole("radio", { name: "7d" }).check({ force: true });
    await page.locator(".row-button").click();
    await page.getByRole("dialog").getByText(receiver).waitFor();
    assert.equal(await isHeld(page, receiver), true);

    // A response that arrives after the sign-out.
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const asked = new Promise<void>((resolve) => {
      void page.route("**/api/v1/alerts/*", async (route) => {
        const response = await route.fetch();
        resolve();
        await held;
        await route.fulfill({ response }).catch(() => undefined); // The page has aborted it.
      });
    });
    await asked;
    await logOut(page);
    release();
    await page.unroute("**/api/v1/alerts/*");

    await page.locator('input[name="key"]').waitFor();
    assert.deepEqual(await page.evaluate(() => [{ ...sessionStorage }, { ...localStorage }]), [{}, {}]);
    assert.equal(new URL(page.url()).hash, "");
    assert.equal(await page.title(), "CryptoLens");

    await page.locator('input[name="key"]').fill(second);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("No alerts yet.").waitFor();
    assert.equal(await page.getByRole("dialog").count(), 0);
    assert.equal(await page.locator(".toasts p").count(), 0);
    await page.locator(".asset-head").getByRole("heading", { name: "Bitcoin BTC" }).waitFor();
    await page.getByRole("button", { name: "New alert" }).first().click();
    assert.equal(await page.getByLabel("Webhook URL").inputValue(), "");
    assert.equal(await isHeld(page, receiver), false, "the first account's receiver is still in memory");
    assert.equal(await isHeld(page, first), false, "the first account's key is still in memory");
  });
});
