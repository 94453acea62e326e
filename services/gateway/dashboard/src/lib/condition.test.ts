import assert from "node:assert/strict";
import { test } from "node:test";
import { condition, parsePrice, preview } from "./condition.ts";

const plain = (text: string): string => text.replaceAll("\u202f", " ").replaceAll("\u2212", "-");

test("preview says how far away the target is", () => {
  const rule = { ticker: "BTC", condition: "gt" as const, target_price: "70000" };
  assert.equal(plain(preview(rule, 67_895)), "Fires when BTC rises above $70,000.00 (+3.1 % from now)");
  assert.equal(plain(preview(rule, null)), "Fires when BTC rises above $70,000.00");
  assert.equal(plain(preview(rule, 71_000)), "BTC is already there ($71,000.00): fires at the next price");
  assert.match(plain(preview({ ...rule, condition: "lt" }, 80_000)), /falls below .* \(-12.5 % from now\)/);
});

test("different targets have different descriptions", () => {
  const words = (target_price: string): string => condition({ ticker: "SOL", condition: "gt", target_price });
  assert.equal(words("103.235"), "SOL above $103.235");
  assert.equal(words("103.239"), "SOL above $103.239");
});

test("parsePrice takes prices as people write them, digit by digit, and nothing else", () => {
  assert.equal(parsePrice("$70,000.50"), "70000.50");
  assert.equal(parsePrice(".1423"), "0.1423");
  assert.equal(parsePrice("0070000."), "70000");
  assert.equal(parsePrice("1,234,567,890.123456789012345678"), "1234567890.123456789012345678");
  for (const text of ["", "0", "0.00", ".", "-5", "1e5", "12abc", "1.2.3", "NaN"])
    assert.equal(parsePrice(text), null, text);
});
