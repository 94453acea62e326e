import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launch, logInByPassword, openView, signInByKey, withPage } from "./support/browser.ts";
import { admin, BASE_URL, newEmail, register } from "./support/stack.ts";

let browser: Browser;
before(async () => (browser = await launch()));
after(() => browser.close());

async function openAdministration(page: Page, part: string): Promise<void> {
  const { username, password } = admin();
  await logInByPassword(page, username, password);
  await openView(page, "Administration");
  await page
    .getByRole("navigation", { name: "Parts of the administration" })
    .getByRole("button", { name: part })
    .click();
}

interface Account {
  id: string;
  role: string;
  tier: string;
}

async function me(key: string): Promise<{ status: number; account: Account }> {
  const response = await fetch(`${BASE_URL}/api/v1/users/me`, { headers: { "X-API-Key": key } });
  return { status: response.status, account: (await response.json()) as Account };
}

/** Waits for a change, which all instances learn of within a second. */
async function eventually(key: string, isSo: (now: Awaited<ReturnType<typeof me>>) => boolean): Promise<void> {
  const deadline = Date.now() + 5_000;
  for (;;) {
    const now = await me(key);
    if (isSo(now)) return;
    assert.ok(Date.now() < deadline, JSON.stringify(now));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test("administration is not shown to others, and refused by its link", async () => {
  const key = await register();
  await withPage(browser, "admin-refused", {}, async (page) => {
    await signInByKey(page, key);
    await page.locator(".menu summary").click();
    await page.locator(".menu-body p").waitFor();
    assert.equal(await page.getByRole("button", { name: "Administration" }).count(), 0);
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    await page.goto("/#BTC/30d?view=admin&section=audit");
    await page.getByText("Only administrators see this.").waitFor();
    assert.deepEqual(
      asked.filter((url) => url.includes("/admin/")),
      [],
    );
  });
});

test("user is found, gets a role and a plan, is deactivated and activated, and loses a key", async () => {
  const email = newEmail();
  const key = await register(email);
  await withPage(browser, "admin-users", {}, async (page) => {
    await openAdministration(page, "Users");
    const own = page.locator(".users tbody tr").filter({ hasText: "you" });
    await own.waitFor();
    assert.equal(await own.getByRole("combobox", { name: /^Role of/ }).isDisabled(), true);

    await page.getByLabel("Search users").fill(email);
    const row = page.locator(".users tbody tr").filter({ hasText: email });
    await row.waitFor();
    await page.waitForFunction(() => document.querySelectorAll(".users tbody tr").length === 1);
    const dialog = page.getByRole("dialog");

    await row.getByLabel(/^Role of/).selectOption("analyst");
    await dialog.getByText(`${email} is Reader now.`).waitFor();
    await page.keyboard.press("Escape");
    assert.equal(await row.getByLabel(/^Role of/).inputValue(), "reader");
    await row.getByLabel(/^Role of/).selectOption("analyst");
    await dialog.getByRole("button", { name: "Change the role" }).click();
    await dialog.waitFor({ state: "detached" });
    await row.getByLabel(/^Plan of/).selectOption("startup");
    await page.locator(".toasts").getByText(`Changed: ${email}`).first().waitFor();
    await eventually(key, ({ account }) => account.role === "analyst" && account.tier === "startup");

    await row.getByRole("button", { name: /^Deactivate/ }).click();
    await dialog.getByRole("button", { name: "Deactivate" }).click();
    await row.getByText("Inactive").waitFor();
    await eventually(key, ({ status }) => status === 401);
    await row.getByRole("button", { name: /^Activate/ }).click();
    await row.getByText("Active", { exact: true }).waitFor();
    await eventually(key, ({ status }) => status === 200);

    await row.getByRole("button", { name: /^Keys of/ }).click();
    await dialog.getByRole("button", { name: /^Revoke/ }).click();
    await page.getByRole("dialog", { name: "Revoke this key?" }).getByRole("button", { name: "Revoke" }).click();
    await dialog.getByText("This user has no keys.").waitFor();
    await page.keyboard.press("Escape");
    await row
      .getByRole("button", { name: /^Keys of/ })
      .getByText("0")
      .waitFor();
    await eventually(key, ({ status }) => status === 401);

    await page.getByLabel("Search users").fill(`nobody-${email}`);
    await page.getByText("No user is like this.").waitFor();
    await page.getByRole("button", { name: "Show all" }).click();
    await own.waitFor();
  });
});

test("exception is set for a user, replaced and removed", async () => {
  const { account } = await me(await register());
  await withPage(browser, "admin-limits", {}, async (page) => {
    await openAdministration(page, "Limits");
    await page.locator(".policies").getByText("Market data").waitFor();
    await page.locator(".quotas").getByText("no limit").waitFor();
    const row = page.locator(".limits tbody tr").filter({ hasText: account.id });
    const dialog = page.getByRole("dialog", { name: "New exception" });
    for (const [limit, shown] of [
      ["1234", "1,234 per 1\u202fmin"],
      ["4321", "4,321 per 1\u202fmin"],
    ] as const) {
      await page.getByRole("button", { name: "New exception" }).click();
      await dialog.getByRole("button", { name: "Set exception" }).click();
      await dialog.getByText("This is no id").waitFor();
      await dialog.getByLabel("User id").fill(account.id);
      await dialog.getByLabel("Requests").fill(limit);
      await dialog.getByRole("button", { name: "Set exception" }).click();
      await row.getByText(shown).waitFor();
      assert.equal(await row.count(), 1);
    }
    await row.getByRole("button", { name: /^Remove/ }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await row.waitFor({ state: "detached" });
  });
});

test("address is blocked and the block lifted, and the audit has both", async () => {
  const address = `198.51.100.${1 + Math.floor(Math.random() * 250)}`;
  await withPage(browser, "admin-blocks", {}, async (page) => {
    await openAdministration(page, "IP blocks");
    await page.getByRole("button", { name: "Block an address" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("IP address").fill("localhost");
    await dialog.getByRole("button", { name: "Block", exact: true }).click();
    await dialog.getByText("This is no IP address").waitFor();
    await dialog.getByLabel("IP address").fill(address);
    await dialog.getByLabel("Comment").fill("from a test");
    await dialog.getByRole("button", { name: "Block", exact: true }).click();
    const row = page.locator(".blocks tbody tr").filter({ hasText: address });
    await row.getByText("from a test").waitFor();
    await row.getByRole("button", { name: /^Lift/ }).click();
    await dialog.getByRole("button", { name: "Lift" }).click();
    await row.waitFor({ state: "detached" });

    await page.getByRole("button", { name: "Audit", exact: true }).click();
    await page.getByLabel("Action", { exact: true }).selectOption("ip_block.added");
    const entry = page.locator(".audit tbody tr").filter({ hasText: address }).first();
    await entry.getByText("Address blocked").waitFor();
    await entry.getByText("Details").click();
    await entry.getByText("seconds", { exact: true }).waitFor();
    await entry.getByRole("button", { name: /^Only entries about/ }).click();
    await page.getByLabel("Action", { exact: true }).selectOption("ip_block.removed");
    await page.locator(".audit tbody tr").filter({ hasText: "Block lifted" }).first().waitFor();
    await page.getByLabel("By", { exact: true }).fill("not an id");
    await page.getByText("A user id has the form").waitFor();
    await page.getByLabel("By", { exact: true }).fill("00000000-0000-7000-8000-000000000000");
    await page.getByText("No entry is like this.").waitFor();
  });
});

test("parts of the administration have links, and Back leads through them", () =>
  withPage(browser, "admin-links", {}, async (page) => {
    await openAdministration(page, "Limits");
    await page.waitForURL(/view=admin&section=limits$/);
    await page.getByRole("button", { name: "Back to the markets" }).click();
    await page.locator(".watch").waitFor();
    await page.goBack();
    await page.locator(".policies").waitFor();
    await page.reload();
    await page.locator(".policies").waitFor();
  }));

test("part that cannot be loaded says why, and is loaded again on demand", () =>
  withPage(browser, "admin-failure", { expected: /status of 503/ }, async (page) => {
    const body = { error: "HTTPException", detail: "Try later.", code: 503, type: "dependency_unavailable" };
    await page.route("**/api/v1/admin/audit*", (route) => route.fulfill({ status: 503, json: body }));
    await openAdministration(page, "Audit");
    await page.getByRole("alert").getByText("Try later.").waitFor();
    await page.unroute("**/api/v1/admin/audit*");
    await page.getByRole("button", { name: "Try again" }).click();
    await page.locator(".audit .data-table, .audit .empty").first().waitFor();
    assert.equal(await page.getByRole("alert").count(), 0);
  }));
