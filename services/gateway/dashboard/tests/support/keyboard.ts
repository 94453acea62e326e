import type { Page } from "playwright-core";

/** Enough for every stop of a page. */
const MOST_STOPS = 150;

interface Walk {
  /** What can be used, but was not reached by the tab key. */
  missed: string[];
  /** Reached, but without an outline, or not on the screen. */
  unseen: string[];
}

/** Presses the tab key through all of `within`. */
export async function walk(page: Page, within: string): Promise<Walk> {
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
