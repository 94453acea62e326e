import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import * as f from "./format.ts";
import { language } from "./language.ts";

afterEach(() => (language.value = "en"));

const plain = (text: string): string => text.replaceAll("\u202f", " ").replaceAll("\u2212", "-");

test("price has the decimals of its magnitude", () => {
  const cases: [number, string][] = [
    [64123.45, "$64,123.45"],
    [1234567.891, "$1,234,567.89"],
    [580, "$580.00"],
    [2.34119, "$2.3412"],
    [0.1423, "$0.1423"],
    [0.00001234, "$0.00001234"],
    [0.009999, "$0.009999"],
    [0, "$0.00"],
    [-12.5, "-$12.50"],
  ];
  for (const [value, text] of cases) assert.equal(plain(f.price(value)), text);
});

test("difference has the decimals of the price it belongs to", () => {
  assert.equal(f.price(0.5, 64123.45), "$0.50");
  assert.equal(f.price(0.0003, 0.1423), "$0.0003");
});

test("exact price keeps every digit", () => {
  const cases: [string, string][] = [
    ["103.235", "$103.235"],
    ["103.239", "$103.239"],
    ["70000", "$70,000.00"],
    ["70000.50", "$70,000.50"],
    ["0.1", "$0.10"],
    ["1234567.1000", "$1,234,567.10"],
    ["1234567890.123456789012345678", "$1,234,567,890.123456789012345678"],
    ["0.000000000000000001", "$0.000000000000000001"],
    ["1000000000000000000", "$1,000,000,000,000,000,000.00"],
  ];
  for (const [value, text] of cases) assert.equal(f.exactPrice(value), text);
});

test("unknown value is a dash and never a number", () => {
  for (const text of [f.price(null), f.percent(undefined), f.signedPercent(NaN), f.money(null), f.ratio(Infinity)])
    assert.equal(text, f.DASH);
});

test("signed change always shows its sign, except zero", () => {
  assert.equal(plain(f.signedPercent(3.14159)), "+3.14 %");
  assert.equal(plain(f.signedPercent(-0.5)), "-0.50 %");
  assert.equal(plain(f.signedPercent(0.0001)), "0.00 %");
  assert.equal(plain(f.signedPercent(-0.0001)), "0.00 %");
});

test("large amounts keep three digits", () => {
  assert.equal(plain(f.money(1_234_567_890)), "$1.23 B");
  assert.equal(plain(f.money(45_600_000)), "$45.6 M");
  assert.equal(plain(f.money(999_950)), "$1.00 M");
  assert.equal(plain(f.money(512)), "$512.00");
});

test("duration has one unit", () => {
  assert.equal(plain(f.duration(2_100)), "2 s");
  assert.equal(plain(f.duration(125_000)), "2 min");
  assert.equal(plain(f.duration(7_300_000)), "2 h");
  assert.equal(plain(f.duration(5 * 86_400_000)), "5 d");
});

test("times are written day first, in 24 hours", () => {
  const time = new Date(2026, 8, 5, 0, 4, 7);
  assert.equal(f.dateTime(time.toISOString()), "5 Sep, 00:04:07");
  assert.equal(f.minute(time.toISOString()), "5 Sep, 00:04");
  assert.equal(f.day(time.getTime()), "5 Sep");
  assert.equal(f.clock(time.getTime()), "00:04");
  for (const text of [f.dateTime(null), f.minute("soon")]) assert.equal(text, f.DASH);
});

test("latency is in milliseconds below one second", () => {
  assert.equal(plain(f.milliseconds(12.4)), "12 ms");
  assert.equal(plain(f.milliseconds(1_240)), "1.2 s");
});

test("Russian has its own separators, units and dates", () => {
  language.value = "ru";
  const shown = (text: string): string => plain(text).replaceAll("\u00a0", " ");
  assert.equal(shown(f.fixed(1_234_567.8, 2)), "1 234 567,80");
  assert.equal(shown(f.percent(12.5, 1)), "12,5 %");
  assert.equal(shown(f.signedPercent(-0.5)), "-0,50 %");
  assert.equal(shown(f.price(64_123.45)), "64 123,45 $");
  assert.equal(shown(f.price(-12.5)), "-12,50 $");
  assert.equal(shown(f.exactPrice("0.29")), "0,29 $");
  assert.equal(shown(f.exactPrice("1234567890.123456789012345678")), "1 234 567 890,123456789012345678 $");
  assert.equal(shown(f.money(1_234_567_890)), "1,23 млрд $");
  assert.equal(shown(f.duration(125_000)), "2 мин");
  assert.equal(shown(f.duration(7_300_000)), "2 ч");
  assert.equal(shown(f.milliseconds(12.4)), "12 мс");
  assert.equal(f.day(new Date(2026, 4, 5).getTime()), "5 мая");
  assert.equal(f.minute(new Date(2026, 10, 21, 3, 44).toISOString()), "21 нояб., 03:44");
  assert.equal(f.currencySide(), "after");
});

test("exact number keeps every digit in any locale", () => {
  assert.equal(f.exactNumber("70000.50", "en-US"), "70,000.50");
  assert.equal(f.exactNumber("70000.50", "ru-RU"), "70\u00a0000,50");
  assert.equal(f.exactNumber("0.000000000000000001", "ru-RU"), "0,000000000000000001");
});

test("date has its year, and a day of the API is the same in every zone", () => {
  assert.equal(f.date(new Date(2027, 0, 5, 12).toISOString()), "5 Jan 2027");
  assert.equal(f.calendarDay("2026-11-21"), "21 Nov");
  assert.equal(f.date(null), f.DASH);
  assert.equal(f.calendarDay("soon"), f.DASH);
  language.value = "ru";
  assert.equal(f.date(new Date(2027, 0, 5, 12).toISOString()), "5 янв. 2027");
});
