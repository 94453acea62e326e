import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { beforeEach, test } from "node:test";
import { runInNewContext } from "node:vm";
import { chooseTheme, startTheme, theme, themeChoice } from "./theme.ts";

const BEFORE_PAINT = readFileSync(new URL("../../public/theme.js", import.meta.url), "utf8");

class MediaQuery extends EventTarget {
  matches = false;
  set(matches: boolean): void {
    this.matches = matches;
    this.dispatchEvent(new Event("change"));
  }
}

class FakeMeta {
  constructor(public content: string) {}
  setAttribute(_: "content", content: string): void {
    this.content = content;
  }
}

/** A page on a device: what survives a reload is the storage. */
class FakePage {
  readonly metas = { "color-scheme": new FakeMeta("light dark"), "theme-color": new FakeMeta("") };
  readonly dark = new MediaQuery();
  readonly print = new MediaQuery();
  readonly others = new EventTarget();
  readonly document = {
    documentElement: { dataset: {} as Record<string, string> },
    body: {},
    querySelector: (selector: string) => this.document.querySelectorAll(selector)[0],
    querySelectorAll: (selector: string): FakeMeta[] => {
      return Object.entries(this.metas).flatMap(([name, meta]) => (selector.includes(name) ? [meta] : []));
    },
  };

  constructor(
    readonly localStorage: object,
    isSystemDark = false,
  ) {
    this.dark.matches = isSystemDark;
    Object.assign(globalThis, {
      document: this.document,
      localStorage,
      matchMedia: (query: string) => (query === "print" ? this.print : this.dark),
      addEventListener: this.others.addEventListener.bind(this.others),
      getComputedStyle: () => ({ backgroundColor: `page of ${theme.value}` }),
    });
    runInNewContext(BEFORE_PAINT, { document: this.document, localStorage });
    startTheme();
  }

  /** Another tab has changed the storage. */
  store(newValue: string | null, key = "cryptolens-theme"): void {
    this.others.dispatchEvent(Object.assign(new Event("storage"), { key, newValue }));
  }

  get shown(): [attribute: string | undefined, scheme: string] {
    return [this.document.documentElement.dataset["theme"], this.metas["color-scheme"].content];
  }
}

const memory = (): object => {
  const entries = new Map<string, string>();
  return {
    getItem: (name: string) => entries.get(name) ?? null,
    setItem: (name: string, value: string) => void entries.set(name, value),
    removeItem: (name: string) => void entries.delete(name),
  };
};

const refuse = (): never => {
  throw new DOMException("The operation is insecure.", "SecurityError");
};

let storage: object;
beforeEach(() => (storage = memory()));

test("theme is the system's at first, and follows it", () => {
  const page = new FakePage(storage, true);
  assert.deepEqual([themeChoice.value, theme.value], ["system", "dark"]);
  page.dark.set(false);
  assert.equal(theme.value, "light");
  assert.deepEqual(page.shown, [undefined, "light dark"]);
});

test("choice holds against the system and is there before the next page's scripts", () => {
  const first = new FakePage(storage, true);
  chooseTheme("light");
  first.dark.set(true);
  assert.equal(theme.value, "light");
  assert.deepEqual(first.shown, ["light", "light"]);

  const next = new FakePage(storage, true);
  assert.deepEqual([themeChoice.value, theme.value], ["light", "light"]);
  assert.deepEqual(next.shown, ["light", "light"]);

  chooseTheme("system");
  assert.equal(theme.value, "dark");
  assert.deepEqual(next.shown, [undefined, "light dark"]);
  assert.deepEqual(new FakePage(storage).shown, [undefined, "light dark"]);
});

test("browser's bar has the color of the page", () => {
  const page = new FakePage(storage);
  chooseTheme("dark");
  assert.equal(page.metas["theme-color"].content, "page of dark");
});

test("choice in another tab is followed", () => {
  const page = new FakePage(storage);
  page.store("dark", "another entry");
  assert.equal(theme.value, "light");
  page.store("dark");
  assert.deepEqual([theme.value, ...page.shown], ["dark", "dark", "dark"]);
  page.store(null);
  assert.equal(themeChoice.value, "system");
  page.store("sepia");
  assert.equal(themeChoice.value, "system");
});

test("paper is light", () => {
  const page = new FakePage(storage, true);
  page.print.set(true);
  assert.equal(theme.value, "light");
  page.print.set(false);
  assert.equal(theme.value, "dark");
});

test("choice works for the page where storage is blocked", () => {
  const page = new FakePage({ getItem: refuse, setItem: refuse, removeItem: refuse });
  assert.equal(themeChoice.value, "system");
  chooseTheme("dark");
  assert.deepEqual([theme.value, ...page.shown], ["dark", "dark", "dark"]);
});
