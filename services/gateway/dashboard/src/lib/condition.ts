import type { AlertCondition } from "../api/types.ts";
import { exactPrice, isKnown, price, signedPercent } from "./format.ts";

interface Rule {
  ticker: string;
  condition: AlertCondition;
  /** Decimal text: a float would lose digits that the person wrote. */
  target_price: string;
}

/** "BTC above $70,000.00". */
export function condition(rule: Rule): string {
  return `${rule.ticker} ${rule.condition === "gt" ? "above" : "below"} ${exactPrice(rule.target_price)}`;
}

/** Describes what a new alert will do at the current price. */
export function preview(rule: Rule, current: number | null): string {
  const verb = rule.condition === "gt" ? "rises above" : "falls below";
  const target = exactPrice(rule.target_price);
  const value = Number(rule.target_price);
  if (!isKnown(current) || current <= 0) return `Fires when ${rule.ticker} ${verb} ${target}`;
  const already = rule.condition === "gt" ? current > value : current < value;
  if (already) return `${rule.ticker} is already there (${price(current)}): fires at the next price`;
  const away = signedPercent((value / current - 1) * 100, 1);
  return `Fires when ${rule.ticker} ${verb} ${target} (${away} from now)`;
}

/**
 * Parses a price as people type it ("$70,000.50") into plain decimal text, without losing digits. `null` unless it is
 * a positive number.
 */
export function parsePrice(text: string): string | null {
  const cleaned = text.replace(/[\s$,_\u202f]/g, "");
  const [, whole = "", fraction = ""] = /^(\d*)\.?(\d*)$/.exec(cleaned) ?? [];
  if (!/[1-9]/.test(whole + fraction)) return null;
  const plain = whole.replace(/^0+(?=\d)/, "") || "0";
  return fraction ? `${plain}.${fraction}` : plain;
}
