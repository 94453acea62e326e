/** That of the smallest text of the page, in the pixels that the canvas needs. */
export function fontSize(): number {
  return parseFloat(getComputedStyle(document.documentElement).fontSize) * 0.75;
}

/** Room for the price labels, the same whatever they are, so that the plot does not jump when they change. */
export const PRICE_SCALE_WIDTH = 92;

/** A color of the style sheet, so that chart and page cannot drift apart. */
export function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

export function fontFamily(): string {
  return getComputedStyle(document.body).fontFamily;
}
