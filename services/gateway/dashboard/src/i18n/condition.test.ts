import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { condition, preview, targetAt } from "./condition.ts";
import { language } from "./language.ts";
import { readPrice } from "./number-input.ts";

afterEach(() => (language.value = "en"));

const plain = (text: string): string => text.replaceAll("\u202f", " ").replaceAll("\u2212", "-");

test("preview says how far away the target is", () => {
  const rule = { ticker: "BTC", condition: "gt" as const, target_price: "70000" };
  const text = (...of: Parameters<typeof preview>): string => plain(preview(...of).text);
  assert.equal(text(rule, 67_895), "Fires when BTC rises above $70,000.00 (+3.1 % from now)");
  assert.equal(text(rule, null), "Fires when BTC rises above $70,000.00");
  assert.match(text({ ...rule, condition: "lt" }, 80_000), /falls below .* \(-12.5 % from now\)/);
});

test("preview warns when the condition is already true, with the target in digits", () => {
  const rule = { ticker: "BTC", condition: "gt" as const, target_price: "29" };
  assert.deepEqual(preview(rule, 71_000), {
    text: "BTC is already above $29.00 (now $71,000.00): this alert would fire at the next price.",
    isAlreadyTrue: true,
  });
  assert.equal(preview({ ...rule, condition: "lt" }, 28).isAlreadyTrue, true);
  assert.equal(preview({ ...rule, condition: "lt" }, 29).isAlreadyTrue, false);
});

test("target at a distance has the decimals of the price and is read back as it is", () => {
  assert.equal(targetAt(110_000, 5), "115,500.00");
  assert.equal(targetAt(0.29, -10), "0.2610");
  assert.deepEqual(readPrice(targetAt(1_234_567.89, -5)), { value: "1172839.50" });
});

test("different targets have different descriptions", () => {
  const words = (target_price: string): string => condition({ ticker: "SOL", condition: "gt", target_price });
  assert.equal(words("103.235"), "SOL above $103.235");
  assert.equal(words("103.239"), "SOL above $103.239");
});

test("conditions follow the language, and a target at a distance is read back in it", () => {
  language.value = "ru";
  const rule = { ticker: "BTC", condition: "gt" as const, target_price: "0.29" };
  assert.equal(condition(rule).replaceAll("\u00a0", " "), "BTC выше 0,29 $");
  assert.match(preview(rule, null).text, /^Сработает, когда BTC поднимется выше 0,29/);
  assert.deepEqual(readPrice(targetAt(1_234_567.89, -5)), { value: "1172839.50" });
});
