import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Locator, Page } from "playwright-core";
import { axeViolations } from "./support/axe.ts";
import { DESKTOP, launch, PHONE, signInByKey, withPage } from "./support/browser.ts";
import { latinWords } from "./support/latin-words.ts";
import { createAlert, historyFilled, register } from "./support/stack.ts";
import { WebhookReceiver } from "./support/webhook-receiver.ts";

const RUSSIAN = { locale: "ru-RU" };
/** The width of a screen of 1280 px at 400 %. */
const REFLOW = { width: 320, height: 640 };

const receiver = new WebhookReceiver([410], "gone");
let browser: Browser;
let key: string;
before(async () => {
  browser = await launch();
  key = await register();
  const webhook_url = await receiver.open();
  await createAlert(key, { ticker: "ETH", condition: "gt", target_price: 0.01, webhook_url });
  await createAlert(key, { ticker: "BTC", condition: "gt", target_price: 999_999, webhook_url });
  await historyFilled(key);
});
after(async () => {
  await browser.close();
  await receiver.close();
});

const ready = async (page: Page): Promise<void> => {
  await page.locator(".kpis[aria-busy=false]").waitFor();
  await page.locator("[data-at]").first().waitFor();
  await page.locator(".line-pane").first().waitFor();
  await page.locator(".risk-table tbody tr").first().waitFor();
};

/** Beside the way to sign in, which is called the same. */
const keyField = (page: Page): Locator => page.locator('input[name="key"]').and(page.getByLabel("API-ключ"));

const openPart = async (page: Page, name: string): Promise<void> => {
  const button = page.locator(".tab-bar button", { hasText: name });
  if (await button.isVisible()) await button.click();
};

/** Goes through the parts of the page in Russian. */
async function visit(page: Page, check: (where: string) => Promise<void>): Promise<void> {
  await page.goto("/");
  await keyField(page).waitFor();
  await page.getByRole("button", { name: "Войти" }).click();
  await page.getByText("Вставьте API-ключ.").waitFor();
  await check("sign-in");
  await page.getByRole("button", { name: "Создать", exact: true }).click();
  await page.getByLabel("Электронная почта").fill("нет");
  await page.getByRole("button", { name: "Создать аккаунт" }).click();
  await page.getByText("Укажите адрес электронной почты").waitFor();
  await check("registration");
  await page.getByRole("button", { name: "Войти", exact: true }).click();
  await signInByKey(page, key);
  await check("markets");

  await page.locator('[data-ticker="BTC"]').click();
  await ready(page);
  await page.getByLabel("Сравнить с активом").selectOption("ETH");
  await page.locator(".side-by-side").waitFor();
  await page.locator(".meanings summary").click();
  await check("asset");
  await page.locator(".menu summary").click();
  await check("menu");
  await page.keyboard.press("Escape");

  await openPart(page, "Оповещения");
  await page.locator(".failures").waitFor();
  await page.locator(".row-button").first().waitFor();
  await check("alerts");
  await page.locator(".row-button", { hasText: "ETH" }).click();
  await page.locator(".attempts .advice").waitFor();
  await page.getByText("Ответ вашего сервера").click();
  await page.getByText("Как проверить подпись").click();
  await page.getByRole("button", { name: "Показать секрет" }).click();
  await page.getByLabel("Секрет для подписи").waitFor();
  await check("details");
  await page.getByRole("button", { name: "Удалить оповещение" }).click();
  await check("confirmation");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");

  await page.getByRole("button", { name: "Новое оповещение" }).last().click();
  await page.getByLabel("Целевая цена").fill("110,000.50");
  await page.getByLabel("Целевая цена").press("Tab");
  await page.getByText("Вы имели в виду 110").waitFor();
  await check("form with an error");
  await page.getByLabel("Целевая цена").fill("1");
  await page.locator(".preview.warning").waitFor();
  await check("form with a warning");
  await page.keyboard.press("Escape");
}

for (const [name, viewport] of [
  ["wide", DESKTOP],
  ["narrow", PHONE],
] as const)
  test(`page is in Russian throughout, and axe finds nothing, on a ${name} screen`, () =>
    withPage(browser, `russian-${name}`, { ...RUSSIAN, viewport, expected: /status of 422/ }, async (page) => {
      // A color in transition would be measured.
      await page.emulateMedia({ reducedMotion: "reduce" });
      await visit(page, async (where) => {
        assert.deepEqual(await latinWords(page), [], where);
        assert.deepEqual(await axeViolations(page, ["html"]), [], where);
      });
    }));

for (const viewport of [PHONE, REFLOW])
  test(`Russian needs no horizontal scrolling at ${viewport.width} px`, () =>
    withPage(browser, `russian-${viewport.width}`, { ...RUSSIAN, viewport, expected: /status of 422/ }, (page) =>
      visit(page, async (where) => {
        const excess = await page.evaluate(() => [
          document.documentElement.scrollWidth - document.documentElement.clientWidth,
          ...Array.from(document.querySelectorAll("dialog"), (dialog) => dialog.scrollWidth - dialog.clientWidth),
        ]);
        assert.ok(
          excess.every((width) => width <= 0),
          `${where}: ${excess.join(" ")}`,
        );
        const account = page.locator(".menu summary");
        if (await account.isVisible()) {
          const box = await account.boundingBox();
          assert.ok(box && box.x + box.width <= viewport.width, `${where}: the account is beside the screen`);
        }
      }),
    ));

test("language is chosen on the sign-in page or in the menu, at once, and stays", () =>
  withPage(browser, "language", {}, async (page) => {
    const lang = (): Promise<string> => page.evaluate(() => document.documentElement.lang);
    await page.goto("/");
    await page.locator('input[name="key"]').waitFor();
    assert.equal(await lang(), "en");
    await page.locator('label[lang="ru"]', { hasText: "Русский" }).click();
    await keyField(page).waitFor();
    assert.equal(await lang(), "ru");
    await page.reload();
    await keyField(page).waitFor();

    await signInByKey(page, key);
    await page.locator('[data-ticker="BTC"]').click();
    await ready(page);
    await page.waitForFunction(() => /^BTC .*\d,\d\d.\$ · CryptoLens$/.test(document.title));
    await page.locator('.chart[aria-label^="Цена Bitcoin за 30 дней: в начале"]').waitFor();
    await page.getByText("Закрытые часовые свечи за 30 дней").waitFor();

    await page.locator(".menu summary").click();
    await page.locator('label[lang="en"]', { hasText: "English" }).click();
    await page.locator('.chart[aria-label^="Price of Bitcoin over 30 days: from $"]').waitFor();
    await page.getByText("Closed 1-hour candles of 30 days").waitFor();
    await page.waitForFunction(() => /^BTC \$.*\.\d\d · CryptoLens$/.test(document.title));
    assert.equal(await lang(), "en");
    await page.getByRole("button", { name: "Log out" }).click();
    await page.locator('input[name="key"]').waitFor();
    await page.reload();
    await page.locator('input[name="key"]').waitFor();
  }));

test("target is typed and shown by the rules of the language, and stays the same number in another", () =>
  withPage(browser, "russian-target", RUSSIAN, async (page) => {
    await signInByKey(page, key);
    const open = (): Promise<void> =>
      page
        .getByRole("button", { name: /^(Новое оповещение|New alert)$/ })
        .first()
        .click();
    const target = page.locator('input[name="target_price"]');
    await open();
    await page.getByLabel("Актив", { exact: true }).selectOption("DOGE");
    await target.fill("0,29");
    await page
      .locator(".preview")
      .getByText(/DOGE .*0,29\s\$/)
      .waitFor();
    await target.fill("1 234,5");
    await page.keyboard.press("Escape");

    await page.locator(".menu summary").click();
    await page.locator('label[lang="en"]').click();
    await page.keyboard.press("Escape");
    await open();
    assert.equal(await target.inputValue(), "1,234.5");
    await page.locator(".preview").getByText("$1,234.50").waitFor();
  }));

test("words that only the server has are marked as English", () =>
  withPage(browser, "server-words", { ...RUSSIAN, expected: /status of 4\d\d/ }, async (page) => {
    const answer = async (body: object): Promise<void> => {
      await page.route("**/api/v1/users/me", (route) => route.fulfill({ status: 403, json: { code: 403, ...body } }));
    };
    await page.goto("/");
    const signIn = async (): Promise<void> => {
      await keyField(page).fill("sk_live_x");
      await page.getByRole("button", { name: "Войти" }).click();
    };
    await answer({ type: "from_the_future", detail: "Not on a Sunday." });
    await signIn();
    await page.locator('.problem [lang="en"]').getByText("Not on a Sunday.").waitFor();
    await page.unroute("**/api/v1/users/me");
    await answer({ type: "ip_blocked", detail: "Too many failed authentications from this address." });
    await signIn();
    await page.locator(".problem").getByText("С этого адреса слишком много неудачных попыток входа.").waitFor();
    assert.equal(await page.locator('.problem [lang="en"]').count(), 0);
  }));
