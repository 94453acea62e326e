/**
 * Numbers and times as text, by `Intl` in the language of the page, whatever the browser's region. On top of `Intl`
 * come a true minus sign and a narrow space before units. An unknown is a dash, never a zero.
 */
import { isKnown, priceDecimals } from "../lib/numbers.ts";
import { locale } from "./language.ts";

export const DASH = "—";
export const MINUS = "\u2212";
const THIN = "\u202f";

/** Of the English locales the one that writes units as symbols: s, min, h, d. */
const unitLocale = (): string => (locale.value === "en-US" ? "en-CA" : locale.value);

type Unit = "millisecond" | "second" | "minute" | "hour" | "day";

const formats = new Map<string, Intl.NumberFormat>();

/** Constructing a format is slow, and the page uses the same few on every update. */
function numberFormat(options: Intl.NumberFormatOptions, of = locale.value): Intl.NumberFormat {
  const key = of + JSON.stringify(options);
  const known = formats.get(key);
  if (known) return known;
  const format = new Intl.NumberFormat(of, options);
  formats.set(key, format);
  return format;
}

const withDecimals = (decimals: number): Intl.NumberFormatOptions => ({
  minimumFractionDigits: decimals,
  maximumFractionDigits: decimals,
  // A negative number that rounds to zero has no sign.
  signDisplay: "negative",
});

/** The most that a price may have in the API. */
const MAX_DECIMALS = 18;

const USD: Intl.NumberFormatOptions = { style: "currency", currency: "USD" };

const withMinus = (text: string): string => text.replace("-", MINUS);

/** 1234567.8 → "1,234,567.80". */
export function fixed(value: number, decimals: number, signDisplay: "negative" | "exceptZero" = "negative"): string {
  return withMinus(numberFormat({ ...withDecimals(decimals), signDisplay }).format(value));
}

/** With the decimals of `like`: a difference of prices is written like the price. */
export function price(value: number | null | undefined, like = value): string {
  if (!isKnown(value) || !isKnown(like)) return DASH;
  return withMinus(numberFormat({ ...USD, ...withDecimals(priceDecimals(like)) }).format(value));
}

/**
 * A price that a person wrote, as decimal text: every digit is shown and none is rounded, because two
 * different targets must not look the same. `Intl` formats text digit by digit, unlike a number.
 */
export function exactPrice(decimal: string): string {
  const format = numberFormat({ ...USD, minimumFractionDigits: 2, maximumFractionDigits: MAX_DECIMALS });
  return format.format(decimal as `${number}`);
}

/** A decimal text with the separators of a locale, digit by digit, trailing zeros included. */
export function exactNumber(decimal: string, of = locale.value): string {
  const decimals = Math.min(MAX_DECIMALS, decimal.split(".")[1]?.length ?? 0);
  const format = numberFormat({ minimumFractionDigits: decimals, maximumFractionDigits: MAX_DECIMALS }, of);
  return format.format(decimal as `${number}`);
}

/** Whether the sign of the currency stands before the number or after it. */
export function currencySide(): "before" | "after" {
  return numberFormat(USD).formatToParts(1)[0]?.type === "currency" ? "before" : "after";
}

/** Large amounts in three significant digits: $1.24 B. */
export function money(value: number | null | undefined): string {
  if (!isKnown(value)) return DASH;
  if (Math.abs(value) < 999.5) return price(value);
  const format = numberFormat({
    ...USD,
    notation: "compact",
    minimumSignificantDigits: 3,
    maximumSignificantDigits: 3,
  });
  return withMinus(withThinSpace(format.formatToParts(value), "compact"));
}

/** A percentage that is already in percent: 3.14 → "3.14 %". */
export function percent(value: number | null | undefined, decimals = 2): string {
  return isKnown(value) ? `${fixed(value, decimals)}${THIN}%` : DASH;
}

/** A change in percent, with its sign unless it is zero. */
export function signedPercent(value: number | null | undefined, decimals = 2): string {
  return isKnown(value) ? `${fixed(value, decimals, "exceptZero")}${THIN}%` : DASH;
}

/** A fraction as percent: 0.0314 → "3.14 %". */
export function fraction(value: number | null | undefined, decimals = 2): string {
  return isKnown(value) ? percent(value * 100, decimals) : DASH;
}

export function ratio(value: number | null | undefined, decimals = 2): string {
  return isKnown(value) ? fixed(value, decimals) : DASH;
}

/** How long ago, in one unit: "2 s", "5 min", "3 h", "4 d". */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return quantity(seconds, "second");
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return quantity(minutes, "minute");
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? quantity(hours, "hour") : quantity(Math.floor(hours / 24), "day");
}

export function milliseconds(ms: number | null | undefined): string {
  if (!isKnown(ms)) return DASH;
  return ms < 1000 ? quantity(Math.round(ms), "millisecond") : quantity(ms / 1000, "second", 1);
}

function quantity(value: number, unit: Unit, decimals = 0): string {
  const format = numberFormat({ style: "unit", unit, unitDisplay: "narrow", ...withDecimals(decimals) }, unitLocale());
  return withThinSpace(format.formatToParts(value), "unit");
}

function withThinSpace(parts: Intl.NumberFormatPart[], before: "unit" | "compact"): string {
  const isSpace = (part: Intl.NumberFormatPart | undefined): boolean => part?.type === "literal" && !part.value.trim();
  return parts
    .map((part, i) => {
      // Of the locales some have a space there already.
      if (isSpace(part) && parts[i + 1]?.type === before) return THIN;
      return part.type === before && !isSpace(parts[i - 1]) ? THIN + part.value : part.value;
    })
    .join("");
}

const DAY: Intl.DateTimeFormatOptions = { day: "numeric", month: "short" };
const YEAR: Intl.DateTimeFormatOptions = { year: "numeric" };
const MINUTES: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const SECONDS: Intl.DateTimeFormatOptions = { ...MINUTES, second: "2-digit" };

const timeFormats = new Map<string, Map<Intl.DateTimeFormatOptions, Intl.DateTimeFormat>>();

/** By one of the options above. */
function timeFormat(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const ofLocale = timeFormats.get(locale.value) ?? new Map<Intl.DateTimeFormatOptions, Intl.DateTimeFormat>();
  timeFormats.set(locale.value, ofLocale);
  const format = ofLocale.get(options) ?? new Intl.DateTimeFormat(locale.value, options);
  ofLocale.set(options, format);
  return format;
}

/** "21 Nov" in the reader's own time zone: the day first in every language. */
export function day(time: number): string {
  const parts = timeFormat(DAY).formatToParts(time);
  const partOf = (type: string): string => parts.find((part) => part.type === type)?.value ?? "";
  return `${partOf("day")} ${partOf("month")}`;
}

/** "03:44", or "03:44:07", in the reader's own time zone. */
export const clock = (time: number, precision: "minutes" | "seconds" = "minutes"): string =>
  timeFormat(precision === "seconds" ? SECONDS : MINUTES).format(time);

/** "21 Nov, 03:44:07" in the reader's own time zone. */
export function dateTime(value: string | null | undefined): string {
  const time = value ? Date.parse(value) : NaN;
  return Number.isNaN(time) ? DASH : `${day(time)}, ${clock(time, "seconds")}`;
}

/** "21 Nov, 03:44" in the reader's own time zone. */
export function minute(value: string | null | undefined): string {
  const time = value ? Date.parse(value) : NaN;
  return Number.isNaN(time) ? DASH : `${day(time)}, ${clock(time)}`;
}

/** "21 Nov 2026" in the reader's own time zone, for what can be in another year. */
export function date(value: string | null | undefined): string {
  const time = value ? Date.parse(value) : NaN;
  if (Number.isNaN(time)) return DASH;
  const year = timeFormat(YEAR)
    .formatToParts(time)
    .find((part) => part.type === "year");
  return `${day(time)} ${year?.value ?? ""}`;
}

/** "21 Nov" of a day that is no time, such as `2026-11-21`: the same in every time zone. */
export function calendarDay(text: string): string {
  const [year = NaN, month = NaN, date = NaN] = text.slice(0, 10).split("-").map(Number);
  const time = new Date(year, month - 1, date).getTime();
  return Number.isNaN(time) ? DASH : day(time);
}
