/**
 * Numbers and times as text. The same everywhere in the world: comma for thousands, point for
 * decimals, a true minus sign, a narrow space before units. An unknown is a dash, never a zero.
 */

export const DASH = "—";
const MINUS = "\u2212";
const THIN = "\u202f";

/** Groups the whole part by thousands: 1234567.8 → "1,234,567.80". */
export function fixed(value: number, decimals: number): string {
  const [whole = "0", fraction] = Math.abs(value).toFixed(decimals).split(".");
  const grouped = group(whole);
  const body = fraction ? `${grouped}.${fraction}` : grouped;
  const isZero = !/[1-9]/.test(body);
  return value < 0 && !isZero ? MINUS + body : body;
}

const group = (whole: string): string => whole.replace(/\B(?=(\d{3})+$)/g, ",");

/** How many decimals a price of this size deserves. */
export function priceDecimals(price: number): number {
  const size = Math.abs(price);
  if (size === 0 || size >= 10) return 2;
  if (size >= 0.01) return 4;
  // Four significant digits below one cent.
  return Math.min(12, 3 - Math.floor(Math.log10(size)));
}

export function price(value: number | null | undefined, like = value): string {
  if (!isKnown(value) || !isKnown(like)) return DASH;
  const text = `$${fixed(Math.abs(value), priceDecimals(like))}`;
  return value < 0 ? MINUS + text : text;
}

/**
 * A price that a person wrote, as decimal text: every digit is shown and none is rounded, because two
 * different targets must not look the same.
 */
export function exactPrice(decimal: string): string {
  const [whole = "", fraction = ""] = decimal.split(".");
  return `$${group(whole)}.${fraction.replace(/0+$/, "").padEnd(2, "0")}`;
}

/** Large amounts in three significant digits: $1.24 B. */
export function money(value: number | null | undefined): string {
  if (!isKnown(value)) return DASH;
  const units: [number, string][] = [
    [1e12, "T"],
    [1e9, "B"],
    [1e6, "M"],
    [1e3, "K"],
  ];
  const size = Math.abs(value);
  for (const [unit, letter] of units) {
    if (size >= unit * 0.9995) {
      const scaled = size / unit;
      const decimals = scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2;
      return `${value < 0 ? MINUS : ""}$${fixed(scaled, decimals)}${THIN}${letter}`;
    }
  }
  return price(value);
}

/** A percentage that is already in percent: 3.14 → "3.14 %". */
export function percent(value: number | null | undefined, decimals = 2): string {
  return isKnown(value) ? `${fixed(value, decimals)}${THIN}%` : DASH;
}

/** A change in percent, always with its sign. */
export function signedPercent(value: number | null | undefined, decimals = 2): string {
  if (!isKnown(value)) return DASH;
  const text = percent(value, decimals);
  return value > 0 && /[1-9]/.test(text) ? `+${text}` : text;
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
  if (seconds < 60) return `${seconds}${THIN}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}${THIN}min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours}${THIN}h`;
  return `${Math.floor(hours / 24)}${THIN}d`;
}

export function milliseconds(ms: number | null | undefined): string {
  if (!isKnown(ms)) return DASH;
  return ms < 1000 ? `${Math.round(ms)}${THIN}ms` : `${fixed(ms / 1000, 1)}${THIN}s`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const two = (n: number): string => String(n).padStart(2, "0");

/** "21 Nov" in the reader's own time zone. */
export function day(time: number): string {
  const d = new Date(time);
  return `${d.getDate()} ${MONTHS[d.getMonth()]}`;
}

/** "03:44" in the reader's own time zone. */
export function clock(time: number): string {
  const d = new Date(time);
  return `${two(d.getHours())}:${two(d.getMinutes())}`;
}

/** "21 Nov, 03:44:07" in the reader's own time zone. */
export function dateTime(value: string | null | undefined): string {
  const time = value ? Date.parse(value) : NaN;
  return Number.isNaN(time) ? DASH : `${day(time)}, ${clock(time)}:${two(new Date(time).getSeconds())}`;
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
