import { signal } from "@preact/signals";

/** The moment under the crosshair, in unix seconds, shared by the charts that stand below each other. */
export const crosshairTime = signal<number | null>(null);

/** Room for the price labels, equal in all charts so that their time axes line up. */
export const AXIS_WIDTH = 92;

export const FONT_SIZE = 12;

/** The times that a chart spans: its first and last bar, and the bars' length, all in seconds. */
export interface TimeRange {
  first: number;
  last: number;
  step: number;
}

/** A colour of the style sheet, so that charts and page cannot drift apart. */
export function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

export function fontFamily(): string {
  return getComputedStyle(document.body).fontFamily;
}

/** Moves the crosshair by whole bars with the arrow keys; Escape and leaving take it away. */
export function moveByKey(event: KeyboardEvent, frame: TimeRange): void {
  const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 };
  const by = steps[event.key];
  if (event.key === "Escape") crosshairTime.value = null;
  else if (event.key === "Home") crosshairTime.value = frame.first;
  else if (event.key === "End") crosshairTime.value = frame.last;
  else if (by !== undefined) {
    const from = crosshairTime.value ?? frame.last + (by < 0 ? frame.step : 0);
    crosshairTime.value = Math.min(frame.last, Math.max(frame.first, from + by * frame.step));
  } else return;
  event.preventDefault();
}
