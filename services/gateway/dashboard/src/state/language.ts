/** Which language the page is in: the person's choice on this device, otherwise what the browser asks for. */
import { effect } from "@preact/signals";
import { language, LANGUAGES, t, type Language } from "../i18n/language.ts";
import { followStorage, readStorage, writeStorage } from "../lib/storage.ts";

/** Not with the prefix of a session's entries: the choice stays when a session ends. */
const KEY = "cryptolens-language";

const isLanguage = (name: string | null): name is Language => (LANGUAGES as readonly (string | null)[]).includes(name);

/** The first language of the browser that the page has. */
export function preferredLanguage(wanted: readonly string[]): Language {
  return wanted.map((tag) => tag.toLowerCase().split("-")[0] ?? "").find(isLanguage) ?? "en";
}

export function chooseLanguage(chosen: Language): void {
  language.value = chosen;
  writeStorage("localStorage", KEY, chosen);
}

export function startLanguage(): void {
  const stored = readStorage("localStorage", KEY);
  language.value = isLanguage(stored) ? stored : preferredLanguage(navigator.languages);
  followStorage(KEY, (chosen) => {
    if (isLanguage(chosen)) language.value = chosen;
  });
  effect(() => {
    document.documentElement.lang = language.value;
    document.querySelector("meta[name=description]")?.setAttribute("content", t.value.description);
  });
}
