import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launch, SCREENS, signInByKey, withPage } from "./support/browser.ts";
import { createAlert, historyFilled, register } from "./support/stack.ts";

let browser: Browser;
let key: string;
before(async () => {
  browser = await launch();
  key = await register();
  await createAlert(key, {
    ticker: "SOL",
    condition: "gt",
    target_price: 999_999,
    webhook_url: "https://example.com/webhook",
  });
  await historyFilled(key);
});
after(() => browser.close());

/** Enough for every stop of a page. */
const MOST_STOPS = 150;

interface Walk {
  /** What can be used, but was not reached by the tab key. */
  missed: string[];
  /** Reached, but without an outline, or not on the screen. */
  unseen: string[];
}

/** Presses the tab key through all of `within`. */
async function walk(page: Page, within: string): Promise<Walk> {
  const unseen: string[] = [];
  await page.evaluate(() => {
    (document.activeElement as HTMLElement | null)?.blur();
    document.querySelectorAll("[data-reached]").forEach((each) => each.removeAttribute("data-reached"));
  });
  for (let stop = 0; stop < MOST_STOPS; stop++) {
    await page.keyboard.press("Tab");
    const complaint = await page.evaluate(() => {
      const focused = document.activeElement;
      if (!focused || focused === document.body) return "";
      if (focused.hasAttribute("data-reached")) return null;
      focused.setAttribute("data-reached", "");
      // What is seen of a radio button is the text beside it, and of an input the box around it.
      const isRadio = focused.matches("[type=radio]");
      const shown = isRadio ? focused.nextElementSibling : (focused.closest(".input") ?? focused);
      if (!shown) return "";
      const name = `${focused.tagName.toLowerCase()}.${focused.className} ${(focused.textContent ?? "").slice(0, 30)}`;
      const { outlineStyle, outlineWidth } = getComputedStyle(shown);
      if (outlineStyle === "none" || parseFloat(outlineWidth) < 2) return `${name} has no outline`;
      const box = shown.getBoundingClientRect();
      // Of a tall one, such as a chart, the upper part is enough.
      const y = box.top + Math.min(box.height / 2, 40);
      const above = document.elementFromPoint(box.left + box.width / 2, y);
      const isOnTop = above !== null && (shown.contains(above) || (isRadio && focused === above));
      return isOnTop ? "" : `${name} is behind ${above?.className ?? "nothing"}`;
    });
    if (complaint === null) break;
    if (complaint) unseen.push(complaint);
  }
  const missed = await page.evaluate((root) => {
    const controls = document.querySelectorAll<HTMLElement>(
      `:is(${root}) :is(a[href], button, input, select, textarea, summary, [tabindex="0"])`,
    );
    return (
      Array.from(controls)
        .filter((each) => each.checkVisibility({ visibilityProperty: true }) && !each.matches(":disabled"))
        .filter((each) => !each.hasAttribute("data-reached"))
        // One of a group of radio buttons is a stop; the arrow keys reach the others.
        .filter((each) => !(each instanceof HTMLInputElement && each.type === "radio" && !each.checked))
        .map((each) => `${each.tagName.toLowerCase()}.${each.className} ${each.textContent?.slice(0, 30)}`)
    );
  }, within);
  return { missed, unseen };
}

for (const { name, viewport, colorScheme } of SCREENS)
  test(`tab key reaches every control, and what it reaches is seen, on a ${name}`, () =>
    withPage(browser, `keyboard-${name}`, { viewport, colorScheme }, async (page) => {
      await page.emulateMedia({ reducedMotion: "reduce" });
      const check = async (where: string, within = "body"): Promise<void> =>
        assert.deepEqual(await walk(page, within), { missed: [], unseen: [] }, where);
      const show = async (part: string): Promise<void> => {
        const button = page.getByRole("navigation", { name: "Parts" }).getByRole("button", { name: part });
        if (await button.isVisible()) await button.click();
      };
      await page.goto("/");
      await page.locator('input[name="key"]').waitFor();
      await check("sign-in");
      await signInByKey(page, key);
      await page.locator(".kpis[aria-busy=false]").waitFor({ state: "attached" });
      await page.locator("[data-at]").first().waitFor({ state: "attached" });
      await page.locator(".row-button").waitFor({ state: "attached" });
      await check("markets");
      await show("BTC");
      await check("asset");
      await show("Alerts");
      await check("alerts");
      await page.locator(".menu summary").click();
      await check("menu", ".menu");
      await page.getByRole("button", { name: "New alert" }).last().click();
      await page.getByRole("dialog").waitFor();
      await check("form", "dialog");
      await page.keyboard.press("Escape");
      await page.locator(".row-button").click();
      await page.getByRole("button", { name: "Reveal secret" }).waitFor();
      await check("details", "dialog");
    }));
