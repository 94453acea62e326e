import assert from "node:assert/strict";
import { test } from "node:test";
import { toLineData } from "./line-data.ts";
import { lineExtent } from "./panes.ts";

test("line is not drawn across a gap", () => {
  const line = new Map([
    [0, 1],
    [60, 2],
    [120, null],
    [180, 4],
  ]);
  const data = toLineData(line, [0, 60, 120, 180]) as { value?: number; topLineColor?: string }[];
  assert.deepEqual(
    data.map(({ value }) => value),
    [1, 2, undefined, 4],
  );
  assert.deepEqual(
    data.map(({ topLineColor }) => topLineColor),
    [undefined, "transparent", undefined, undefined],
  );
});

test("line extent contains zero and leaves room on the side of the values", () => {
  assert.deepEqual(lineExtent([-1, null, -0.5]), { minValue: -1.1, maxValue: 0 });
  assert.deepEqual(lineExtent([1, 2]), { minValue: 0, maxValue: 2.2 });
  assert.equal(lineExtent([null]), null);
});
