import axe from "axe-core";
import type { Page } from "playwright-core";

/** What axe finds in these parts of the page, each as the rule and the elements. */
export async function axeViolations(page: Page, selectors: string[]): Promise<string[]> {
  // By script rather than by a tag, which the content security policy refuses.
  await page.evaluate(axe.source);
  return page.evaluate(async (include) => {
    const present = include.filter((selector) => document.querySelector(selector));
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run(
      { include: present },
      { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] },
    );
    return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(" ")}`));
  }, selectors);
}
