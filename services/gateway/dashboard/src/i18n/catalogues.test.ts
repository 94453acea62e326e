import assert from "node:assert/strict";
import { test } from "node:test";
import { en } from "./en.ts";
import { ru } from "./ru.ts";

type Node = string | ((...values: unknown[]) => string) | { [key: string]: Node };

/** Numbers of all plural forms, as text: what takes a number takes that too. */
const SAMPLES = [0, 1, 2, 5, 11, 21, 1.5];

/** Every text under its path; those of functions once for each sample. */
function texts(node: Node, path: string): [path: string, text: string][] {
  if (typeof node === "string") return [[path, node]];
  if (typeof node === "function")
    return SAMPLES.map((sample) => [`${path}(${sample})`, node(...Array<string>(node.length).fill(String(sample)))]);
  return Object.entries(node).flatMap(([key, child]) => texts(child, `${path}.${key}`));
}

const ENGLISH = texts(en as unknown as Node, "en");
const RUSSIAN = texts(ru as unknown as Node, "ru");

test("no text is empty or says what programs say", () => {
  for (const [path, text] of [...ENGLISH, ...RUSSIAN]) {
    assert.ok(text.trim().length > 0, path);
    assert.doesNotMatch(text, /undefined|null|NaN|\[object/, path);
  }
});

test("every value that a message gets is in it", () => {
  for (const [path, text] of [...ENGLISH, ...RUSSIAN]) {
    const value = /\(([\d.]+)\)$/.exec(path)?.[1];
    if (value) assert.ok(text.includes(value), `${path}: ${text}`);
  }
});

/** Names and terms that are written in Latin letters in Russian too. */
const LATIN = new Set(
  (
    "CryptoLens TradingView API HTTP http https URL UTC TLS DNS IP POST VaR CVaR Python HMAC SHA base Retry After Standard Webhooks " +
    "webhook id timestamp body signature v JavaScript WEBHOOK ALLOWED CIDRS"
  ).split(" "),
);

test("Russian has no words of another language", () => {
  for (const [path, text] of RUSSIAN) {
    if (path.endsWith("Placeholder") && !/\p{Script=Cyrillic}/u.test(text)) continue;
    for (const [word] of text.matchAll(/[A-Za-z]+/g)) assert.ok(LATIN.has(word), `${path}: “${word}” in “${text}”`);
  }
});

test("Russian has a form for each kind of number", () => {
  assert.deepEqual(
    [1, 3, 5, 11, 21, 1.5].map((count) => ru.asset.sources(count)),
    ["1 источник", "3 источника", "5 источников", "11 источников", "21 источник", "1.5 источника"],
  );
});
