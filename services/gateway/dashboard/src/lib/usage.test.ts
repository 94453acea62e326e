import assert from "node:assert/strict";
import { test } from "node:test";
import { quotaState, stacked, usageSeries } from "./usage.ts";

const TIME = { from: "2026-11-27T00:00:00.000Z", to: "2026-11-29T12:34:00.000Z" };
const entry = (day: string, route_class: string, requests: number) => ({ day, route_class, requests });

test("days without requests are zero, and the oldest comes first", () => {
  const series = usageSeries({ ...TIME, days: [entry("2026-11-29", "market", 5), entry("2026-11-27", "market", 2)] });
  assert.deepEqual(series, {
    days: ["2026-11-27", "2026-11-28", "2026-11-29"],
    classes: [{ name: "market", counts: [2, 0, 5] }],
    totals: [2, 0, 5],
    total: 7,
  });
});

test("classes are sorted by their requests, and small ones are put together", () => {
  const days = ["a", "b", "c", "d", "e"].map((name, i) => entry("2026-11-28", name, i + 1));
  const series = usageSeries({ ...TIME, days });
  assert.deepEqual(
    series.classes.map(({ name, counts }) => [name, counts[1]]),
    [
      ["e", 5],
      ["d", 4],
      ["c", 3],
      [null, 3],
    ],
  );
  assert.equal(series.total, 15);
  assert.deepEqual(
    stacked(series).map((counts) => counts[1]),
    [5, 9, 12, 15],
  );
});

test("four classes need no rest, and days outside of the time are left out", () => {
  const days = ["a", "b", "c", "d"].map((name) => entry("2026-11-28", name, 1));
  const series = usageSeries({ ...TIME, days: [...days, entry("2026-10-01", "a", 100)] });
  assert.deepEqual(
    series.classes.map(({ name }) => name),
    ["a", "b", "c", "d"],
  );
  assert.equal(series.total, 4);
});

test("nothing is a series too", () => {
  assert.deepEqual(usageSeries({ ...TIME, days: [] }).totals, [0, 0, 0]);
  assert.deepEqual(usageSeries({ from: "", to: "", days: [] }).days, []);
});

test("quota is near its end from four fifths on", () => {
  const month = { month: "2026-11", resets_at: "2026-12-01T00:00:00.000Z" };
  const state = (used: number, limit: number | null) => quotaState({ ...month, used, limit });
  assert.deepEqual(
    [state(5, null), state(799, 1000), state(800, 1000), state(1000, 1000), state(1001, 1000)],
    ["unlimited", "ok", "near", "exhausted", "exhausted"],
  );
});
