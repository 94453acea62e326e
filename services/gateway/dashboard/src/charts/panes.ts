/** The panes below the price. Their heights are fixed, because headings are positioned over the canvas. */
import type { Maybe } from "../api/types.ts";
import { isKnown } from "../lib/numbers.ts";

export const PRICE_HEIGHT = 312;
export const LINE_HEIGHT = 144;
export const TIME_AXIS_HEIGHT = 28;
/** The library's line between two panes. */
const SEPARATOR = 1;

/** Share of a line pane that its heading covers. */
export const HEADING_SHARE = 0.24;

export const LINE_PANES = [
  { name: "drawdown", tone: "down" },
  { name: "volatility", tone: "accent" },
] as const;

export type LineName = (typeof LINE_PANES)[number]["name"];
export type LineTone = (typeof LINE_PANES)[number]["tone"];

export const CHART_HEIGHT = PRICE_HEIGHT + LINE_PANES.length * (SEPARATOR + LINE_HEIGHT) + TIME_AXIS_HEIGHT;

/** The upper edge of a line pane. */
export const lineTop = (index: number): number => PRICE_HEIGHT + index * LINE_HEIGHT + (index + 1) * SEPARATOR;

/**
 * What a line pane's price scale spans: zero, which the area is filled from, and every value, with some room. `null`
 * without values, because a scale beside nothing looks like a measurement.
 */
export function lineExtent(values: Maybe[]): { minValue: number; maxValue: number } | null {
  const known = values.filter(isKnown);
  if (known.length === 0) return null;
  const low = Math.min(0, ...known);
  const high = Math.max(0, ...known);
  const room = (high - low || 0.01) * 0.1;
  return { minValue: low < 0 ? low - room : 0, maxValue: high > 0 ? high + room : 0 };
}
