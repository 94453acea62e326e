/** The condition of an alert in words. */
import type { AlertCondition } from "../api/types.ts";
import { isKnown, priceDecimals } from "../lib/numbers.ts";
import { exactPrice, fixed, price, signedPercent } from "./format.ts";
import { t } from "./language.ts";

interface Rule {
  ticker: string;
  condition: AlertCondition;
  /** Decimal text: a float would lose digits that the person wrote. */
  target_price: string;
}

/** "BTC above $70,000.00". */
export function condition(rule: Rule): string {
  return `${rule.ticker} ${t.value.alerts.side[rule.condition]} ${exactPrice(rule.target_price)}`;
}

export interface Preview {
  text: string;
  /** The condition is true at the current price, so the alert would fire at once. */
  isAlreadyTrue: boolean;
}

/** Describes what a new alert will do at the current price, with the target in digits. */
export function preview(rule: Rule, current: number | null): Preview {
  const { form } = t.value;
  const target = exactPrice(rule.target_price);
  const value = Number(rule.target_price);
  const fires = form.fires[rule.condition](rule.ticker, target);
  if (!isKnown(current) || current <= 0) return { text: fires, isAlreadyTrue: false };
  if (rule.condition === "gt" ? current > value : current < value)
    return { text: form.alreadyTrue[rule.condition](rule.ticker, target, price(current)), isAlreadyTrue: true };
  const distance = form.fromNow(signedPercent((value / current - 1) * 100, 1));
  return { text: `${fires} (${distance})`, isAlreadyTrue: false };
}

/** The price that is `percent` away from the current one, in the digits of the form's input. */
export function targetAt(current: number, percent: number): string {
  return fixed(current * (1 + percent / 100), priceDecimals(current));
}
