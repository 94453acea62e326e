import type { BaselineData, WhitespaceData } from "lightweight-charts";
import type { Maybe } from "../api/types.ts";
import { isKnown } from "../lib/numbers.ts";
import { toChartTime } from "./time-axis.ts";

/** Values by their time in unix seconds. */
export type Line = ReadonlyMap<number, Maybe>;

/** The library joins the points on both sides of a gap by a line, in the colors of the one before it. */
const INVISIBLE = {
  topLineColor: "transparent",
  topFillColor1: "transparent",
  topFillColor2: "transparent",
  bottomLineColor: "transparent",
  bottomFillColor1: "transparent",
  bottomFillColor2: "transparent",
};

export function toLineData(line: Line, slots: number[]): (BaselineData | WhitespaceData)[] {
  return slots.map((slot, i) => {
    const time = toChartTime(slot);
    const value = line.get(slot);
    if (!isKnown(value)) return { time };
    const next = slots[i + 1];
    const isBeforeGap = next !== undefined && !isKnown(line.get(next));
    return isBeforeGap ? { time, value, ...INVISIBLE } : { time, value };
  });
}
