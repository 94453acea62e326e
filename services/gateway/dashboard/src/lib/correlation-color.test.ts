import assert from "node:assert/strict";
import { test } from "node:test";
import { contrastOf } from "../../tests/support/contrast.ts";
import { correlationColor } from "./correlation-color.ts";

const PAIR = /^light-dark\((rgb\([\d ]+\)), (rgb\([\d ]+\))\)$/;

test("every correlation can be read in both themes", () => {
  for (let value = -100; value <= 100; value++) {
    const { background, color } = correlationColor(value / 100);
    const [backgrounds, inks] = [PAIR.exec(background), PAIR.exec(color)];
    for (const theme of [1, 2]) {
      const contrast = contrastOf(backgrounds?.[theme] ?? "", inks?.[theme] ?? "");
      assert.ok(contrast >= 4.5, `${value / 100}: ${contrast.toFixed(2)} of ${color} on ${background}`);
    }
  }
});

test("zero is the paper of each theme, and the ends are far from it", () => {
  assert.equal(correlationColor(0).background, "light-dark(rgb(255 255 255), rgb(27 31 38))");
  for (const end of [-1, 1]) {
    const [, light = "", dark = ""] = PAIR.exec(correlationColor(end).background) ?? [];
    assert.ok(contrastOf(light, "rgb(255 255 255)") >= 3, light);
    assert.ok(contrastOf(dark, "rgb(27 31 38)") >= 2.5, dark);
  }
});
