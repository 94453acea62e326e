import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { chromium, type Browser, type Page } from "playwright-core";
import { BASE_URL } from "./stack.ts";

const RESULTS = new URL("../../test-results/", import.meta.url).pathname;
const TIMEOUT_MS = 30_000;

export const DESKTOP = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };
/** A screen of 1280 by 1024 px at 400 %. */
export const ZOOMED = { width: 320, height: 256 };

export const THEMES = ["light", "dark"] as const;
/** Wide and narrow in both themes. */
export const SCREENS = THEMES.flatMap((colorScheme) => [
  { name: `wide ${colorScheme} screen`, viewport: DESKTOP, colorScheme },
  { name: `narrow ${colorScheme} screen`, viewport: PHONE, colorScheme },
]);

interface Options {
  viewport?: { width: number; height: number };
  /** What the system prefers. */
  colorScheme?: (typeof THEMES)[number];
  /** The browser's language, such as `ru-RU`. */
  locale?: string;
  timezoneId?: string;
  /** Where the page is opened instead of at the stack itself. */
  origin?: string;
  /** Console errors that the test provokes on purpose. */
  expected?: RegExp;
}

export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env["CHROMIUM"] || "/usr/bin/chromium",
    args: ["--no-sandbox"],
  });
}

/**
 * Runs `test` on a new page. An error in the console, a violation of the content security policy or a request to
 * another origin fails the test.
 */
export async function withPage(
  browser: Browser,
  name: string,
  options: Options,
  test: (page: Page) => Promise<void>,
): Promise<void> {
  const { origin = BASE_URL, viewport = DESKTOP, colorScheme = "light", locale = "en-US", timezoneId } = options;
  const context = await browser.newContext({
    viewport,
    colorScheme,
    locale,
    baseURL: origin,
    ...(timezoneId && { timezoneId }),
  });
  const page = await context.newPage();
  page.setDefaultTimeout(TIMEOUT_MS);
  // esbuild wraps functions in this helper, also those that are evaluated in the page.
  await page.addInitScript("globalThis.__name = (wrapped) => wrapped");
  const complaints: string[] = [];
  page.on("console", (message) => {
    const isExpected = options.expected?.test(message.text()) ?? false;
    if (["error", "warning"].includes(message.type()) && !isExpected) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.stack ?? String(error)));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !url.startsWith("data:")) complaints.push(`request to ${url}`);
  });
  try {
    await test(page);
  } catch (error) {
    mkdirSync(RESULTS, { recursive: true });
    await page.screenshot({ path: `${RESULTS}failed-${name}.png` }).catch(() => undefined);
    throw error;
  } finally {
    await context.close();
  }
  assert.deepEqual(complaints, []);
}

/** Signs in, in whatever language. The page is opened first unless it already shows the form. */
export async function signInByKey(page: Page, key: string): Promise<void> {
  const input = page.locator('input[name="key"]');
  if (!(await input.isVisible())) await page.goto("/");
  await input.fill(key);
  await input.press("Enter");
  await page.getByRole("option").first().waitFor();
}

/** Logs in with a password, in whatever language. */
export async function logInByPassword(page: Page, username: string, password: string): Promise<void> {
  const input = page.locator('input[name="username"]');
  if (!(await page.locator(".sign-in").isVisible())) await page.goto("/");
  await page.locator(".sign-in > .segmented label").last().click();
  await input.fill(username);
  await page.locator('input[name="password"]').fill(password);
  await page.keyboard.press("Enter");
  await page.getByRole("option").first().waitFor();
}

/** Opens a view beside the markets by the menu of the account. */
export async function openView(page: Page, name: "Account and keys" | "Administration"): Promise<void> {
  await page.locator(".menu summary").click();
  await page.locator(".menu-body").getByRole("button", { name }).click();
  await page.locator(".view-head").waitFor();
}

export const shownPrice = (page: Page, ticker: string): Promise<string> =>
  page.locator(`[data-ticker="${ticker}"] .price`).innerText();

/** Waits until the shown price differs from `from`. */
export async function priceChanged(page: Page, ticker: string, from: string): Promise<void> {
  await page.waitForFunction(
    ([wanted, before]) => document.querySelector(`[data-ticker="${wanted}"] .price`)?.textContent !== before,
    [ticker, from],
  );
}
