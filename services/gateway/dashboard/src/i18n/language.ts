/** The language of the page, for everything that is written in it. `state/language.ts` chooses it. */
import { computed, signal } from "@preact/signals";
import { en, type Catalogue } from "./en.ts";
import { ru } from "./ru.ts";

export const LANGUAGES = ["en", "ru"] as const;
export type Language = (typeof LANGUAGES)[number];

/** The names of the languages, each in itself: who reads only one of them finds it. */
export const LANGUAGE_NAMES: Record<Language, string> = { en: "English", ru: "Русский" };

const CATALOGUES: Record<Language, Catalogue> = { en, ru };
const LOCALES: Record<Language, string> = { en: "en-US", ru: "ru-RU" };

export const language = signal<Language>("en");

/** The conventions of numbers and times. */
export const locale = computed(() => LOCALES[language.value]);

/** The texts. What reads `t.value` while it renders is rendered anew when the language changes. */
export const t = computed(() => CATALOGUES[language.value]);
