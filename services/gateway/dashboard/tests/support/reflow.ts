import type { Page } from "playwright-core";

/**
 * What is wider than the page or the dialog that it is in. Charts are as wide as the page and cut what is beyond; a
 * table of correlations has two dimensions and scrolls by itself.
 */
export const tooWide = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const describe = (each: Element): string => `${each.tagName.toLowerCase()}.${each.getAttribute("class") ?? ""}`;
    const scrolling = Array.from(document.querySelectorAll("html, dialog, .content, .menu-body, .table-scroll"))
      .filter((each) => each.checkVisibility() && !each.querySelector(":scope > .correlation-grid"))
      .filter((each) => each.scrollWidth > each.clientWidth);
    const beyond = Array.from(document.querySelectorAll("body *"))
      .filter(
        (each) =>
          each.checkVisibility() &&
          !each.closest(".correlation-grid, .chart, .compare-chart, .usage-chart, .data-table thead"),
      )
      .filter((each) => !each.closest(".visually-hidden, .skip-link"))
      .filter((each) => {
        const { left, right } = each.getBoundingClientRect();
        return right > document.documentElement.clientWidth + 1 || left < -1;
      });
    return [...new Set([...scrolling, ...beyond].map(describe))];
  });
