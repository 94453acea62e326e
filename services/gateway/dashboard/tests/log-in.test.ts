import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launch, logInByPassword, openView, signInByKey, withPage } from "./support/browser.ts";
import { newEmail, register } from "./support/stack.ts";

const PASSWORD = "correct horse battery";

let browser: Browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const stored = (page: Page): Promise<Record<string, string>[]> =>
  page.evaluate(() => [{ ...sessionStorage }, { ...localStorage }] as Record<string, string>[]);

/** The paths of the requests of log-in and refresh, from now on. */
function authRequests(page: Page): string[] {
  const paths: string[] = [];
  page.context().on("request", (request) => {
    const { pathname } = new URL(request.url());
    if (pathname.startsWith("/api/v1/auth/")) paths.push(pathname.replace("/api/v1/auth/", ""));
  });
  return paths;
}

test("account with a password is made, logs in with it, and keeps no access token", async () => {
  const email = newEmail();
  await withPage(browser, "log-in", { expected: /status of 401/ }, async (page) => {
    await page.goto("/");
    await page.getByRole("button", { name: "Create one" }).click();
    await page.getByLabel("E-mail").fill(email);
    await page.getByLabel("Password (optional)").fill("too short");
    await page.getByRole("button", { name: "Create account" }).click();
    await page.getByText("Use at least 10 characters.").waitFor();
    await page.getByLabel("Password (optional)").fill(PASSWORD);
    await page.getByRole("button", { name: "Create account" }).click();
    await page.getByLabel("Your API key").waitFor();
    await page.getByRole("button", { name: "Sign in" }).click();

    await page.locator(".sign-in > .segmented").getByText("Password").click();
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("Enter your password.").waitFor();
    await page.locator('input[name="username"]').fill(email);
    await page.locator('input[name="password"]').fill("wrong horse battery");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").getByText("Invalid credentials").waitFor();
    let granted: { accessToken: string; refreshToken: string } | null = null;
    page.on("response", (response) => {
      if (response.url().endsWith("/auth/login") && response.ok())
        void response.json().then((body: typeof granted) => (granted = body));
    });
    await page.locator('input[name="password"]').fill(PASSWORD);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("option").first().waitFor();
    const text = JSON.stringify(await stored(page));
    const tokens = granted as { accessToken: string; refreshToken: string } | null;
    assert.ok(tokens && text.includes(tokens.refreshToken), text);
    assert.ok(!text.includes(tokens.accessToken) && !text.includes(PASSWORD), text);
  });
});

test("log-out ends the session on the server, and the form opens with the password again", async () => {
  const email = newEmail();
  await register(email, PASSWORD);
  await withPage(browser, "log-in-end", {}, async (page) => {
    await logInByPassword(page, email, PASSWORD);
    const ended = page.waitForResponse((response) => response.url().endsWith("/auth/logout"));
    await page.locator(".menu summary").click();
    await page.getByRole("button", { name: "Log out", exact: true }).click();
    assert.equal((await ended).status(), 204);
    await page.locator('input[name="password"]').waitFor();
    assert.deepEqual(await stored(page), [{}, { "cryptolens-sign-in": "password" }]);
  });
});

test("tabs share one session through reloads, and none uses a refresh token twice", async () => {
  const email = newEmail();
  await register(email, PASSWORD);
  await withPage(browser, "log-in-tabs", {}, async (page) => {
    await page.goto("/");
    await page.getByLabel("Stay signed in on this device").check();
    await logInByPassword(page, email, PASSWORD);
    const others = await Promise.all([0, 1, 2].map(() => page.context().newPage()));
    const open = async (each: Page): Promise<void> => {
      await each.goto("/");
      await each.getByRole("option").first().waitFor();
    };
    await Promise.all(others.map(open));
    await Promise.all([page, ...others].map((each) => each.reload()));
    for (const each of [page, ...others]) await each.getByRole("option").first().waitFor();
    assert.equal(await page.locator(".sign-in").count(), 0);
    for (const each of others) await each.close();
    // Every token was used once, so the session is still valid.
    await page.reload();
    await page.getByRole("option").first().waitFor();
  });
});

test("expired access token is renewed once for all requests, without a word", async () => {
  const email = newEmail();
  await register(email, PASSWORD);
  await withPage(browser, "log-in-expired", { expected: /status of 401/ }, async (page) => {
    await logInByPassword(page, email, PASSWORD);
    const paths = authRequests(page);
    // As the gateway answers when the token's time is over.
    let refused: string | null = null;
    await page.route("**/api/v1/**", async (route) => {
      const token = (await route.request().allHeaders())["authorization"];
      refused ??= token ?? null;
      if (token === undefined || token !== refused) return route.continue();
      const body = { error: "HTTPException", detail: "The token has expired", code: 401, type: "token_expired" };
      return route.fulfill({ status: 401, json: body });
    });
    await openView(page, "Account and keys");
    await page.locator(".data-table").first().waitFor();
    await page.locator(".usage-chart, .usage .empty").first().waitFor();
    assert.deepEqual(paths, ["refresh"]);
    assert.equal(await page.locator(".problem").count(), 0);
  });
});

test("refresh token that was used elsewhere ends the session with the reason", async () => {
  const email = newEmail();
  await register(email, PASSWORD);
  await withPage(browser, "log-in-reused", { expected: /status of 401/ }, async (page) => {
    await logInByPassword(page, email, PASSWORD);
    const token = await page.evaluate(() => sessionStorage.getItem("cryptolens.refresh"));
    const refresh = (): Promise<number> =>
      page.evaluate(async (refreshToken) => {
        const headers = { "Content-Type": "application/json" };
        const body = JSON.stringify({ refreshToken });
        return (await fetch("/api/v1/auth/refresh", { method: "POST", headers, body })).status;
      }, token);
    assert.equal(await refresh(), 200);
    await page.reload();
    await page.getByRole("alert").getByText("its token was used twice").waitFor();
    assert.deepEqual(await page.evaluate(() => ({ ...sessionStorage })), {});
  });
});

test("password is changed with the current one, and other sessions end", async () => {
  const email = newEmail();
  const key = await register(email, PASSWORD);
  const next = "another horse battery";
  await withPage(browser, "password", { expected: /status of 40[13]/ }, async (page) => {
    await signInByKey(page, key);
    await openView(page, "Account and keys");
    const form = page.locator(".password-form");
    await form.getByRole("button", { name: "Change password" }).click();
    await form.getByText("Use at least 10 characters.").waitFor();
    await form.locator('[name="new_password"]').fill(next);
    await form.locator('[name="repeated_password"]').fill(`${next}!`);
    await form.getByText("This differs from the one above.").waitFor();
    await form.locator('[name="repeated_password"]').fill(next);
    await form.locator('[name="current_password"]').fill("wrong horse battery");
    await form.getByRole("button", { name: "Change password" }).click();
    await form.getByText("This is not the current password.").waitFor();
    await form.locator('[name="current_password"]').fill(PASSWORD);
    await form.getByRole("button", { name: "Change password" }).click();
    await page.locator(".toasts").getByText("Password changed.").waitFor();

    await page.getByRole("button", { name: "Log out everywhere" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Log out everywhere" }).click();
    await page.locator(".toasts").getByText("All sessions with a password have ended.").waitFor();
    await page.locator(".menu summary").click();
    await page.getByRole("button", { name: "Log out", exact: true }).click();
    await logInByPassword(page, email, next);
  });
});
