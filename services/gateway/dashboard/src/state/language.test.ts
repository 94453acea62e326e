import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { language } from "../i18n/language.ts";
import { chooseLanguage, preferredLanguage, startLanguage } from "./language.ts";

let description = "";
const root = { lang: "" };
const otherTabs = new EventTarget();

function start(stored: Pick<Storage, "getItem" | "setItem">, languages: readonly string[]): void {
  Object.defineProperty(globalThis, "navigator", { value: { languages }, configurable: true });
  Object.assign(globalThis, { localStorage: stored, addEventListener: otherTabs.addEventListener.bind(otherTabs) });
  startLanguage();
}

const storage = (): Pick<Storage, "getItem" | "setItem"> => {
  const items = new Map<string, string>();
  return { getItem: (name) => items.get(name) ?? null, setItem: (name, value) => void items.set(name, value) };
};

beforeEach(() => {
  const meta = { setAttribute: (_: string, content: string) => (description = content) };
  Object.assign(globalThis, { document: { documentElement: root, querySelector: () => meta } });
});
afterEach(() => (language.value = "en"));

test("the first language of the browser that the page has is taken", () => {
  assert.equal(preferredLanguage(["de-DE", "ru-RU", "en"]), "ru");
  assert.equal(preferredLanguage(["en-GB", "ru"]), "en");
  assert.equal(preferredLanguage(["fr", "de"]), "en");
  assert.equal(preferredLanguage([]), "en");
});

test("choice is remembered and goes before the browser's languages", () => {
  const items = storage();
  start(items, ["en"]);
  chooseLanguage("ru");
  assert.equal(root.lang, "ru");
  assert.match(description, /криптовалют/);
  language.value = "en";
  start(items, ["en"]);
  assert.equal(language.value, "ru");
});

test("blocked storage and what it should not hold are no obstacle", () => {
  const blocked = (): never => {
    throw new Error("denied");
  };
  start({ getItem: blocked, setItem: blocked }, ["ru"]);
  assert.equal(language.value, "ru");
  chooseLanguage("en");
  assert.equal(root.lang, "en");
  start({ getItem: () => "xx", setItem: blocked }, ["ru"]);
  assert.equal(language.value, "ru");
});

test("choice in another tab is followed", () => {
  start(storage(), ["en"]);
  const tell = (newValue: string | null): boolean =>
    otherTabs.dispatchEvent(Object.assign(new Event("storage"), { key: "cryptolens-language", newValue }));
  tell("ru");
  assert.equal(root.lang, "ru");
  tell("xx");
  tell(null);
  assert.equal(root.lang, "ru");
});
