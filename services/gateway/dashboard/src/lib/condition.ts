import type { AlertCondition } from "../api/types.ts";
import { exactPrice, fixed, isKnown, price, priceDecimals, signedPercent } from "./format.ts";

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

export interface Preview {
  text: string;
  /** The condition is true at the current price, so the alert would fire at once. */
  isAlreadyTrue: boolean;
}

/** Describes what a new alert will do at the current price, with the target in digits. */
export function preview(rule: Rule, current: number | null): Preview {
  const target = exactPrice(rule.target_price);
  const value = Number(rule.target_price);
  const isAbove = rule.condition === "gt";
  const fires = `Fires when ${rule.ticker} ${isAbove ? "rises above" : "falls below"} ${target}`;
  if (!isKnown(current) || current <= 0) return { text: fires, isAlreadyTrue: false };
  if (isAbove ? current > value : current < value)
    return {
      text: `${rule.ticker} is already ${isAbove ? "above" : "below"} ${target} (now ${price(current)}): this alert would fire at the next price.`,
      isAlreadyTrue: true,
    };
  return { text: `${fires} (${signedPercent((value / current - 1) * 100, 1)} from now)`, isAlreadyTrue: false };
}

/** The price that is `percent` away from the current one, in the digits of the form's input. */
export function targetAt(current: number, percent: number): string {
  return fixed(current * (1 + percent / 100), priceDecimals(current));
}
