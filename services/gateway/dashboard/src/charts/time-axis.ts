import { TickMarkType, type Time, type UTCTimestamp } from "lightweight-charts";
import { clock, day } from "../i18n/format.ts";

/** The chart library draws in UTC, so times are moved to make it draw the reader's own time zone. */
export function toChartTime(seconds: number): UTCTimestamp {
  return (seconds - new Date(seconds * 1000).getTimezoneOffset() * 60) as UTCTimestamp;
}

function toMilliseconds(time: Time): number {
  const seconds = Number(time);
  const offset = new Date(seconds * 1000).getTimezoneOffset();
  return (seconds + offset * 60) * 1000;
}

export function crosshairLabel(time: Time): string {
  const ms = toMilliseconds(time);
  return `${day(ms)}, ${clock(ms)}`;
}

export function tickLabel(time: Time, mark: TickMarkType): string {
  const ms = toMilliseconds(time);
  return mark === TickMarkType.Time || mark === TickMarkType.TimeWithSeconds ? clock(ms) : day(ms);
}
