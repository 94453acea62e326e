import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { contrastOf } from "../../tests/support/contrast.ts";

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");

/** The opaque colours by name, each for light and dark. */
const colors = new Map<string, [light: string, dark: string]>();
for (const [, name = "", light = "", dark = light] of read("tokens.css").matchAll(
  /--([\w-]+): (?:light-dark\()?(#\w{6})(?:, (#\w{6})\))?;/g,
))
  colors.set(name, [light, dark]);

const rgb = (hex: string): string => `rgb(${[1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)).join(" ")})`;

/** The lower one of both themes. */
function contrast(one: string, other: string): number {
  const [a, b] = [colors.get(one), colors.get(other)];
  assert.ok(a && b, `${one} or ${other} is no colour`);
  return Math.min(contrastOf(rgb(a[0]), rgb(b[0])), contrastOf(rgb(a[1]), rgb(b[1])));
}

const SURFACES = ["page", "raised", "field", "wash", "accent-wash"];

const TEXTS: Record<string, string[]> = {
  ink: [...SURFACES, "line-2", "thumb", "up-wash", "down-wash"],
  "ink-2": [...SURFACES, "line-2"],
  "ink-3": [...SURFACES, "line-2"],
  accent: SURFACES,
  up: SURFACES,
  down: SURFACES,
  warn: [...SURFACES, "warn-wash"],
  "on-down-wash": ["down-wash"],
  "on-fill": ["accent-fill", "accent-fill-hover", "down-fill"],
  "on-overlay": ["overlay", "overlay-hover"],
  "on-overlay-2": ["overlay"],
};

test("text has 4.5 : 1 on each background where it occurs, in both themes", () => {
  for (const [text, backgrounds] of Object.entries(TEXTS))
    for (const background of backgrounds) {
      const found = contrast(text, background);
      assert.ok(found >= 4.5, `${text} on ${background}: ${found.toFixed(2)}`);
    }
});

test("controls, marks and the focus ring have 3 : 1, in both themes", () => {
  for (const part of ["control-line", "accent", "accent-fill", "down-fill", "up", "down"])
    for (const background of ["page", "raised", "field"]) {
      const found = contrast(part, background);
      assert.ok(found >= 3, `${part} on ${background}: ${found.toFixed(2)}`);
    }
});

test("browser's bar begins with the color of the page", () => {
  const metas = [...read("../../index.html").matchAll(/name="theme-color" content="(#\w+)" media="[^"]*: (\w+)\)"/g)];
  const [light, dark] = colors.get("page") ?? [];
  assert.deepEqual(
    metas.map(([, color, scheme]) => [scheme, color]),
    [
      ["light", light],
      ["dark", dark],
    ],
  );
});

test("colors are written in tokens.css only", () => {
  const others = [
    "base",
    "controls",
    "layout",
    "watch",
    "asset",
    "panels",
    "alerts",
    "dialog",
    "account",
    "sign-in",
    "narrow",
  ];
  // Of an image in an address, which cannot use a custom property, the # is escaped.
  for (const file of others) assert.doesNotMatch(read(`${file}.css`), /#[0-9a-f]{3,8}\b|rgba?\(|: white\b/i, file);
});
