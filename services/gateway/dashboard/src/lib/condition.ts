import type { Condition } from "../api/types.ts";
import { isKnown, price, signedPercent } from "./format.ts";

interface Rule {
  ticker: string;
  condition: Condition;
  target_price: number;
}

/** "BTC above $70,000.00". */
export function condition(rule: Rule): string {
  return `${rule.ticker} ${rule.condition === "gt" ? "above" : "below"} ${price(rule.target_price)}`;
}

/** What a rule that is being written will do, given the newest price. */
export function preview(rule: Rule, current: number | null): string {
  const verb = rule.condition === "gt" ? "rises above" : "falls below";
  const target = price(rule.target_price);
  if (!isKnown(current) || current <= 0) return `Fires when ${rule.ticker} ${verb} ${target}`;
  const already = rule.condition === "gt" ? current > rule.target_price : current < rule.target_price;
  if (already) return `${rule.ticker} is already there (${price(current)}): fires at the next price`;
  const away = signedPercent((rule.target_price / current - 1) * 100, 1);
  return `Fires when ${rule.ticker} ${verb} ${target} (${away} from now)`;
}

/** Reads a price as a person types it: "$70,000.50". `null` when it is no positive number. */
export function parsePrice(text: string): number | null {
  const cleaned = text.replace(/[\s$,_\u202f]/g, "");
  if (!/^(\d+\.?\d*|\.\d+)$/.test(cleaned)) return null;
  const value = Number(cleaned);
  return Number.isFinite(value) && value > 0 ? value : null;
}
