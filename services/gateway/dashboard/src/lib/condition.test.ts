import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePrice, preview } from "./condition.ts";

const plain = (text: string): string => text.replaceAll("\u202f", " ").replaceAll("\u2212", "-");

test("the preview says how far away the target is", () => {
  const rule = { ticker: "BTC", condition: "gt" as const, target_price: 70_000 };
  assert.equal(plain(preview(rule, 67_895)), "Fires when BTC rises above $70,000.00 (+3.1 % from now)");
  assert.equal(plain(preview(rule, null)), "Fires when BTC rises above $70,000.00");
  assert.equal(plain(preview(rule, 71_000)), "BTC is already there ($71,000.00): fires at the next price");
  assert.match(plain(preview({ ...rule, condition: "lt" }, 80_000)), /falls below .* \(-12.5 % from now\)/);
});

test("a price is read as people write it, and nothing else is", () => {
  assert.equal(parsePrice("$70,000.50"), 70_000.5);
  assert.equal(parsePrice(".1423"), 0.1423);
  for (const text of ["", "0", "-5", "1e5", "12abc", "1.2.3", "NaN"])
    assert.equal(parsePrice(text), null, text);
});
