import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { fixed } from "./format.ts";
import { language } from "./language.ts";
import { readPrice, rewritePrice } from "./number-input.ts";

afterEach(() => (language.value = "en"));

const value = (text: string, locale?: string): string | null => {
  const read = readPrice(text, locale);
  return "value" in read ? read.value : null;
};
const problem = (text: string, locale?: string): string => {
  const read = readPrice(text, locale);
  return "problem" in read ? read.problem : "";
};

test("price is read as the page writes it, digit by digit", () => {
  assert.equal(value("$70,000.50"), "70000.50");
  assert.equal(value(" 70 000.50 $ "), "70000.50");
  assert.equal(value(".1423"), "0.1423");
  assert.equal(value("0070000."), "70000");
  assert.equal(value("1,234,567,890.123456789012345678"), "1234567890.123456789012345678");
  assert.equal(value(fixed(110_000.5, 2)), "110000.50");
});

test("separators of another convention are refused and never dropped", () => {
  for (const text of ["0,29", "110.000,50", "1,10,000", "1,2345", "1,234,56", "1.234.567", "12 34", "1,234 567", ","])
    assert.equal(value(text), null, text);
  assert.match(problem("0,29"), /a comma separates thousands and a point decimals\. Did you mean 0\.29\?/);
  assert.match(problem("110.000,50"), /Did you mean 110,000\.50\?/);
  assert.match(problem("1.234.567"), /Did you mean 1,234,567\?/);
  assert.doesNotMatch(problem("1,2345,67"), /Did you mean/);
});

test("each locale has its own separators and groups", () => {
  assert.equal(value("0,29", "de"), "0.29");
  assert.equal(value("110.000,50", "de"), "110000.50");
  assert.equal(value("0.29", "de"), null);
  assert.match(problem("110,000.50", "de"), /Did you mean 110\.000,50\?/);
  assert.equal(value("110\u00a0000,50", "ru"), "110000.50");
  assert.equal(value("110 000,50", "fr"), "110000.50");
  assert.equal(value("110'000.50", "de-CH"), "110000.50");
  assert.equal(value("1,10,000.5", "en-IN"), "110000.5");
  assert.equal(value("1.234", "es"), "1234");
});

test("what is no number above zero is refused", () => {
  for (const text of ["", "0", "0.00", ".", "-5", "1e5", "12abc", "1.2.3", "NaN", "1_000", "١٢"])
    assert.equal(value(text), null, text);
  assert.equal(problem(""), "Enter a price above 0, such as 70,000.");
  assert.equal(problem("0.00"), "Enter a price above 0, such as 70,000.");
  assert.equal(problem("12abc"), "“12abc” is not a number. Write it like 70,000.50.");
});

test("in Russian a comma is decimal, and what is not clear is explained in Russian", () => {
  language.value = "ru";
  assert.equal(value("0,29"), "0.29");
  assert.equal(value("110 000,50 $"), "110000.50");
  assert.equal(value("0.29"), null);
  assert.match(problem("0.29"), /тысячи здесь разделяет пробел, а дробную часть — запятая\. Вы имели в виду 0,29\?/);
  assert.equal(value(fixed(1_234_567.5, 2)), "1234567.50");
});

test("what was typed stays the same number in another locale, and what was none stays as it is", () => {
  assert.equal(rewritePrice("1,234", "en-US", "ru-RU"), "1\u00a0234");
  assert.equal(rewritePrice("1\u00a0234,50", "ru-RU", "en-US"), "1,234.50");
  assert.equal(rewritePrice("0,29", "en-US", "ru-RU"), "0,29");
  assert.equal(rewritePrice("", "en-US", "ru-RU"), "");
});
