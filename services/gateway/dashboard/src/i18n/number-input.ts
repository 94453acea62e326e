import { exactNumber } from "./format.ts";
import { locale, t } from "./language.ts";

/** A price as plain decimal text, which a float would round, or why the text is none. */
export type ReadPrice = { value: string } | { problem: string };

interface Convention {
  group: string;
  decimal: string;
  /** Puts the separators between groups, which are not three digits everywhere. */
  grouped: (digits: string) => string;
}

/** Spaces and apostrophes of all kinds: a keyboard has one of each, `Intl` writes others. */
const normalize = (text: string): string => text.replace(/[\s\u00a0\u2009\u202f]/g, " ").replace(/'/g, "’");

const conventions = new Map<string, Convention>();

function conventionOf(of: string): Convention {
  const known = conventions.get(of) ?? makeConvention(of);
  conventions.set(of, known);
  return known;
}

function makeConvention(of: string): Convention {
  const format = new Intl.NumberFormat(of, { numberingSystem: "latn", useGrouping: true });
  const parts = format.formatToParts(12_345_678.5);
  const partOf = (type: string): string => normalize(parts.find((part) => part.type === type)?.value ?? "");
  return {
    group: partOf("group"),
    decimal: partOf("decimal"),
    grouped: (digits) => normalize(format.format(BigInt(digits))),
  };
}

/**
 * Reads a price by the rules of the locale that the page writes numbers in. Separators that do not stand where these
 * rules put them are refused, because dropping them would change the number: `0,29` is not 29.
 */
export function readPrice(text: string, of = locale.value): ReadPrice {
  const convention = conventionOf(of);
  const { form } = t.value;
  const typed = normalize(text)
    .trim()
    .replace(/^\$ ?| ?\$$/g, "");
  const plain = plainDecimal(typed, convention);
  if (plain !== null && /[1-9]/.test(plain)) return { value: plain };
  const example = convention.grouped("70000");
  if (plain !== null || /^[.,]?$|^[-\u2212]/.test(typed)) return { problem: form.notPositive(example) };
  if (!/^[\d.,’ ]+$/.test(typed)) return { problem: form.notANumber(typed, `${example}${convention.decimal}50`) };
  const names: Record<string, string> = form.separators;
  const name = (separator: string): string => names[separator] ?? separator;
  const meant = otherReading(typed, convention);
  const problem = form.notClear(typed, name(convention.group), name(convention.decimal));
  return { problem: meant === null ? problem : `${problem} ${form.meant(meant)}` };
}

/** What was typed by the rules of one locale, by those of another: without this it would be read as another number. */
export function rewritePrice(text: string, from: string, to: string): string {
  const read = readPrice(text, from);
  return "value" in read ? exactNumber(read.value, to) : text;
}

function plainDecimal(typed: string, { group, decimal, grouped }: Convention): string | null {
  const [whole = "", fraction = "", ...more] = typed.split(decimal);
  if (more.length > 0 || !/^\d*$/.test(fraction) || whole + fraction === "") return null;
  const digits = whole.replace(/\D/g, "");
  const separators = new Set(whole.replace(/\d/g, ""));
  if (separators.size > 0) {
    const [separator = ""] = separators;
    // A space separates thousands everywhere and is nowhere a decimal separator.
    if (separators.size > 1 || (separator !== group && separator !== " ") || digits === "") return null;
    if (whole.replaceAll(separator, group) !== grouped(digits)) return null;
  }
  const plain = digits.replace(/^0+(?=\d)/, "") || "0";
  return fraction ? `${plain}.${fraction}` : plain;
}

/** How a text of another convention is written here: its last separator is the decimal one, unless it repeats. */
function otherReading(typed: string, { decimal, grouped }: Convention): string | null {
  const [, whole = "", separator = "", last = ""] = /^(.*)([.,])(\d*)$/.exec(typed) ?? [];
  if (separator === "") return null;
  const isGroup = whole.includes(separator);
  const digits = (isGroup ? whole + last : whole).replace(/\D/g, "") || "0";
  const groups = (isGroup ? typed : whole).split(/\D/);
  if (groups.slice(1).some((each) => each.length !== 3)) return null;
  return grouped(digits) + (isGroup || last === "" ? "" : decimal + last);
}
