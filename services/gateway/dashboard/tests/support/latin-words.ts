import type { Page } from "playwright-core";

/** Names, codes and terms that are written in Latin letters in every language. */
const ALLOWED = new Set(
  (
    "CryptoLens TradingView English API HTTP http https URL UTC TLS DNS IP POST VaR CVaR Python HMAC SHA base Retry After " +
    "Standard Webhooks webhook id timestamp body signature v sk live WEBHOOK ALLOWED CIDRS"
  ).split(" "),
);

/**
 * Words in Latin letters that a person sees or hears, each once with its surroundings: those of texts and names on the
 * page, without what is marked as another language or as code, and without addresses, ids, and names of assets and zones.
 */
export async function latinWords(page: Page): Promise<string[]> {
  const texts = await page.evaluate(() => {
    const found: string[] = [];
    const foreign = "[lang]:not([lang=ru]), code, pre, script, style, .ticker, .name, [data-symbol]";
    const seen = (element: Element | null): boolean =>
      element !== null && element.checkVisibility() && !element.closest(`html > * ${foreign}`);
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode())
      if (seen(walker.currentNode.parentElement)) found.push(walker.currentNode.textContent ?? "");
    const names = ["aria-label", "aria-roledescription", "aria-valuetext", "title", "placeholder", "alt", "label"];
    for (const name of names)
      for (const element of document.querySelectorAll(`[${name}]`))
        if (seen(element)) found.push(element.getAttribute(name) ?? "");
    return [...found, document.title];
  });
  const assets = await page.evaluate(() =>
    Array.from(document.querySelectorAll(".watch .ticker, .watch .name"), (element) => element.textContent ?? ""),
  );
  const known = new Set([...ALLOWED, ...assets.flatMap((name) => name.split(/[^A-Za-z]+/))]);
  const data = /https?:\/\/\S+|\S+@\S+|[\da-f]{8}-[\da-f-]{27}|[A-Z][a-z]+\/[\w/]+/g;
  const left = texts.flatMap((text) =>
    [...text.replace(data, "").matchAll(/[A-Za-z]+/g)]
      .filter(([word]) => !known.has(word))
      .map(([word]) => `${word}: ${text.trim()}`),
  );
  return [...new Set(left)];
}
