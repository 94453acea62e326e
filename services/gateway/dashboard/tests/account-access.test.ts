import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { axeViolations } from "./support/axe.ts";
import { launch, logInByPassword, SCREENS, THEMES, withPage, ZOOMED } from "./support/browser.ts";
import { walk } from "./support/keyboard.ts";
import { tooWide } from "./support/reflow.ts";
import { admin, BASE_URL, register } from "./support/stack.ts";

const PARTS = [".top", ".view", "dialog[open]", ".tab-bar", ".toasts"];
const SECTIONS = ["users", "limits", "blocks", "audit"] as const;

let browser: Browser;
before(async () => {
  browser = await launch();
  // Lists with something in them: users, their keys, an exception and what the audit has of it.
  const key = await register(`long-name-${crypto.randomUUID()}@a-department-of-a-company.example.com`);
  const post = async (path: string, body: object, headers: Record<string, string>): Promise<Response> => {
    const json = { "Content-Type": "application/json", ...headers };
    return fetch(`${BASE_URL}/api/v1${path}`, { method: "POST", headers: json, body: JSON.stringify(body) });
  };
  const me = await fetch(`${BASE_URL}/api/v1/users/me`, { headers: { "X-API-Key": key } });
  const { id } = (await me.json()) as { id: string };
  const { accessToken } = (await (await post("/auth/login", admin(), {})).json()) as { accessToken: string };
  const Authorization = `Bearer ${accessToken}`;
  await post("/admin/limits", { user_id: id, policy: "market", limit: 100, window_seconds: 60 }, { Authorization });
  await post("/admin/ip-blocks", { address: "2001:db8::1", seconds: 600, comment: "a test" }, { Authorization });
});
after(() => browser.close());

const show = async (page: Page, view: string): Promise<void> => {
  await page.evaluate((hash) => (location.hash = hash), `#BTC/30d?view=${view}`);
  await page.locator(".view .data-table, .view .empty").first().waitFor();
};

const logIn = async (page: Page): Promise<void> => {
  const { username, password } = admin();
  await logInByPassword(page, username, password);
  // A color in transition would be measured.
  await page.emulateMedia({ reducedMotion: "reduce" });
};

/** Filters what other tests make long: the tab key would take minutes through all of it. */
async function shorten(page: Page, section: (typeof SECTIONS)[number]): Promise<void> {
  if (section === "users") await page.getByLabel("Search users").fill("long-name");
  else if (section === "audit") await page.getByLabel("Action", { exact: true }).selectOption("limit.set");
  else return;
  const wanted = section === "users" ? "long-name" : "Exception set";
  await page.waitForFunction(
    (text) => Array.from(document.querySelectorAll(".view tbody tr")).every((row) => row.textContent?.includes(text)),
    wanted,
  );
}

/** Opens every view and dialog of account and administration, one after the other. */
async function tour(page: Page, check: (where: string, within: string) => Promise<void>): Promise<void> {
  await show(page, "account");
  await page.locator(".usage .buckets").waitFor();
  await check("account", ".view");
  await page.getByRole("button", { name: "New key" }).click();
  await page.getByText("Only chosen ones").click();
  await page.getByRole("button", { name: "Create key" }).click();
  await page.getByText("Give the key a name.").waitFor();
  await check("form of a key", "dialog");
  await page.getByRole("dialog").getByLabel("Name").fill("Bot");
  await page.getByRole("dialog").locator('input[name="scope"]').first().check();
  await page.getByRole("button", { name: "Create key" }).click();
  await page.getByLabel("The new API key").waitFor();
  await check("new key", "dialog");
  await page.getByRole("button", { name: "I have saved it" }).click();
  await page.getByRole("button", { name: "Rotate Bot" }).first().click();
  await check("rotation", "dialog");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Revoke Bot" }).first().click();
  await check("revocation", "dialog");
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  // For its six seconds a toast can lie over what the tab key reaches.
  await page.locator(".toasts").getByRole("button", { name: "Dismiss" }).click();
  await page.locator(".toasts p").waitFor({ state: "detached" });
  for (const section of SECTIONS) {
    await show(page, `admin&section=${section}`);
    await page.locator(`.view .section.${section}`).waitFor();
    await shorten(page, section);
    await check(section, ".view");
  }
  await page.locator(".entry-details summary").first().click();
  await check("details of an entry", ".view");
  await show(page, "admin&section=limits");
  await page.getByRole("button", { name: "New exception" }).click();
  await page.getByRole("button", { name: "Set exception" }).click();
  await check("form of an exception", "dialog");
  await page.keyboard.press("Escape");
  await show(page, "admin&section=blocks");
  await page.getByRole("button", { name: "Block an address" }).click();
  await check("form of a block", "dialog");
  await page.keyboard.press("Escape");
  await show(page, "admin");
  await page.getByLabel("Search users").fill("long-name");
  await page
    .getByRole("button", { name: /^Keys of long-name/ })
    .first()
    .click();
  await page.locator(".key-cards").waitFor();
  await check("keys of a user", "dialog");
  await page.keyboard.press("Escape");
}

for (const { name, viewport, colorScheme } of SCREENS)
  test(`axe finds nothing in account and administration, and keys reach all of it, on a ${name}`, () =>
    withPage(browser, `account-axe-${name}`, { viewport, colorScheme }, async (page) => {
      await page.goto("/");
      await page.locator(".sign-in > .segmented label").last().click();
      assert.deepEqual(await axeViolations(page, [".sign-in"]), [], "log-in");
      assert.deepEqual(await walk(page, "body"), { missed: [], unseen: [] }, "log-in");
      await logIn(page);
      await tour(page, async (where, within) => {
        assert.deepEqual(await axeViolations(page, PARTS), [], where);
        assert.deepEqual(await walk(page, within), { missed: [], unseen: [] }, where);
      });
    }));

for (const colorScheme of THEMES)
  for (const locale of ["en-US"])
    test(`account and administration do not scroll sideways at 400 %, in the ${colorScheme} theme`, () =>
      withPage(browser, `account-reflow-${colorScheme}`, { viewport: ZOOMED, colorScheme, locale }, async (page) => {
        await logIn(page);
        await tour(page, async (where) => assert.deepEqual(await tooWide(page), [], where));
      }));

test("form of a key is used with the keyboard alone", () =>
  withPage(browser, "account-keyboard", {}, async (page) => {
    await logIn(page);
    await page.locator(".menu summary").focus();
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Account and keys" }).focus();
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.activeElement?.textContent === "Account");
    await page.getByRole("button", { name: "New key" }).focus();
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.activeElement?.getAttribute("name") === "name");
    await page.keyboard.type("By keyboard");
    await page.keyboard.press("Tab");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Space");
    await page.keyboard.press("Enter");
    await page.getByLabel("The new API key").waitFor();
    await page.getByRole("button", { name: "I have saved it" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Revoke By keyboard" }).first().focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor({ state: "detached" });
  }));
