import assert from "node:assert/strict";
import { test } from "node:test";
import { timeZone } from "./time-zone.ts";

const WINTER = Date.UTC(2026, 0, 15);
const SUMMER = Date.UTC(2026, 6, 15);

const shown = (zone: string, time: number): string =>
  timeZone(time, new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "shortOffset" }));

test("time zone is named with its distance from UTC at that time", () => {
  assert.equal(shown("Europe/Berlin", WINTER), "Europe/Berlin, UTC+1");
  assert.equal(shown("Europe/Berlin", SUMMER), "Europe/Berlin, UTC+2");
  assert.equal(shown("America/New_York", WINTER), "America/New_York, UTC−5");
  assert.equal(shown("Africa/Abidjan", WINTER), "Africa/Abidjan, UTC");
});

test("distances of half and quarter hours are exact", () => {
  assert.match(shown("Asia/Kolkata", WINTER), /^Asia\/(Kolkata|Calcutta), UTC\+5:30$/);
  assert.match(shown("Asia/Kathmandu", WINTER), /^Asia\/Kath?mandu, UTC\+5:45$/);
  assert.equal(shown("America/St_Johns", WINTER), "America/St_Johns, UTC−3:30");
});

test("UTC is named once", () => {
  assert.equal(shown("UTC", WINTER), "UTC");
  assert.equal(shown("Etc/UTC", SUMMER), "UTC");
});
