/**
 * Numbers and times as text, by `Intl`. The same for every reader, whatever the browser's language: comma for
 * thousands, point for decimals. On top of `Intl` come a true minus sign and a narrow space before units. An unknown
 * is a dash, never a zero.
 */

export const DASH = "—";
const MINUS = "\u2212";
const THIN = "\u202f";
export const LOCALE = "en-US";
/** Of the English locales the one that writes units as symbols: s, min, h, d. */
const UNIT_LOCALE = "en-CA";

type Unit = "millisecond" | "second" | "minute" | "hour" | "day";

const formats = new Map<string, Intl.NumberFormat>();

/** Constructing a format is slow, and the page uses the same few on every update. */
function numberFormat(options: Intl.NumberFormatOptions, locale = LOCALE): Intl.NumberFormat {
  const key = locale + JSON.stringify(options);
  const known = formats.get(key);
  if (known) return known;
  const format = new Intl.NumberFormat(locale, options);
  formats.set(key, format);
  return format;
}

const withDecimals = (decimals: number): Intl.NumberFormatOptions => ({
  minimumFractionDigits: decimals,
  maximumFractionDigits: decimals,
  // A negative number that rounds to zero has no sign.
  signDisplay: "negative",
});

const USD: Intl.NumberFormatOptions = { style: "currency", currency: "USD" };

const withMinus = (text: string): string => text.replace("-", MINUS);

/** 1234567.8 → "1,234,567.80". */
export function fixed(value: number, decimals: number, signDisplay: "negative" | "exceptZero" = "negative"): string {
  return withMinus(numberFormat({ ...withDecimals(decimals), signDisplay }).format(value));
}

/** How many decimals a price of this size deserves. */
export function priceDecimals(price: number): number {
  const size = Math.abs(price);
  if (size === 0 || size >= 10) return 2;
  if (size >= 0.01) return 4;
  // Four significant digits below one cent.
  return Math.min(12, 3 - Math.floor(Math.log10(size)));
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
  const format = numberFormat({ ...USD, minimumFractionDigits: 2, maximumFractionDigits: 18 });
  return format.format(decimal as `${number}`);
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
  const format = numberFormat({ style: "unit", unit, unitDisplay: "narrow", ...withDecimals(decimals) }, UNIT_LOCALE);
  return withThinSpace(format.formatToParts(value), "unit");
}

function withThinSpace(parts: Intl.NumberFormatPart[], before: "unit" | "compact"): string {
  return parts.map(({ type, value }) => (type === before ? THIN + value : value)).join("");
}

const DAY = new Intl.DateTimeFormat(LOCALE, { day: "numeric" });
const MONTH = new Intl.DateTimeFormat(LOCALE, { month: "short" });
const CLOCK: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const MINUTES = new Intl.DateTimeFormat(LOCALE, CLOCK);
const SECONDS = new Intl.DateTimeFormat(LOCALE, { ...CLOCK, second: "2-digit" });

/** "21 Nov" in the reader's own time zone. */
export const day = (time: number): string => `${DAY.format(time)} ${MONTH.format(time)}`;

/** "03:44", or "03:44:07", in the reader's own time zone. */
export const clock = (time: number, precision: "minutes" | "seconds" = "minutes"): string =>
  (precision === "seconds" ? SECONDS : MINUTES).format(time);

/** "21 Nov, 03:44:07" in the reader's own time zone. */
export function dateTime(value: string | null | undefined): string {
  const time = value ? Date.parse(value) : NaN;
  return Number.isNaN(time) ? DASH : `${day(time)}, ${SECONDS.format(time)}`;
}

/** "21 Nov, 03:44" in the reader's own time zone. */
export function minute(value: string | null | undefined): string {
  const time = value ? Date.parse(value) : NaN;
  return Number.isNaN(time) ? DASH : `${day(time)}, ${clock(time)}`;
}

export type Direction = "up" | "down" | "flat";

export function direction(value: number | null | undefined): Direction {
  if (!isKnown(value) || Math.abs(value) < 0.005) return "flat";
  return value > 0 ? "up" : "down";
}

/** "zero_volatility" → "zero volatility". */
export function humanize(slug: string): string {
  return slug.replaceAll("_", " ");
}

/** "price_above_target" → "Price above target". */
export function sentenceCase(slug: string): string {
  return slug.charAt(0).toUpperCase() + humanize(slug.slice(1));
}

export function isKnown(value: number | null | undefined): value is number {
  return typeof value === "number" && Number.isFinite(value);
}
