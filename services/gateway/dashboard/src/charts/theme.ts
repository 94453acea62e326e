import type { IChartApi } from "lightweight-charts";

/** That of the smallest text of the page, in the pixels that the canvas needs. */
export function fontSize(): number {
  return parseFloat(getComputedStyle(document.documentElement).fontSize) * 0.75;
}

/** Room for the price labels, the same whatever they are, so that the plot does not jump when they change. */
export const PRICE_SCALE_WIDTH = 92;

/**
 * A color of the style sheet, so that chart and page cannot drift apart, as `rgb(…)`. The property itself holds the
 * colors of both themes, so an element is asked that uses it.
 */
export function color(name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  probe.style.forcedColorAdjust = "none";
  document.body.append(probe);
  const { color: shown } = getComputedStyle(probe);
  probe.remove();
  return shown;
}

export const translucent = (opaque: string, alpha: number): string =>
  opaque.replace("rgb(", "rgba(").replace(")", `, ${alpha})`);

/** Draws what is pending: a print does not wait for the next frame. */
export function drawNow(chart: IChartApi): void {
  // Of a part that a narrow screen hides there is nothing to draw.
  if (chart.chartElement().clientWidth > 0) chart.takeScreenshot(true, true);
}

export function fontFamily(): string {
  return getComputedStyle(document.body).fontFamily;
}
