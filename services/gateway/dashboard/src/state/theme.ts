/** The theme of the page: the system's, or the one that was chosen on this device. */
import { computed, signal } from "@preact/signals";
import { followStorage, writeStorage } from "../lib/storage.ts";

export type Theme = "light" | "dark";
export type ThemeChoice = "system" | Theme;

/** Without the prefix of what a sign-out removes: the theme is the device's. public/theme.js reads it too. */
const STORAGE_KEY = "cryptolens-theme";

export const themeChoice = signal<ThemeChoice>("system");
const systemTheme = signal<Theme>("light");
const isPrinting = signal(false);

/** What is shown. */
export const theme = computed<Theme>(() => {
  if (isPrinting.value) return "light";
  return themeChoice.value === "system" ? systemTheme.value : themeChoice.value;
});

export function chooseTheme(choice: ThemeChoice): void {
  writeStorage("localStorage", STORAGE_KEY, choice === "system" ? null : choice);
  show(choice);
}

/** The style sheet comes first: whoever follows the signal reads colours from it. */
function show(choice: ThemeChoice): void {
  if (choice === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = choice;
  setMeta("color-scheme", choice === "system" ? "light dark" : choice);
  themeChoice.value = choice;
}

const parse = (stored: string | null | undefined): ThemeChoice =>
  stored === "light" || stored === "dark" ? stored : "system";

/** Takes over what public/theme.js has shown, and follows the system and the other tabs. */
export function startTheme(): void {
  themeChoice.value = parse(document.documentElement.dataset["theme"]);
  follow("(prefers-color-scheme: dark)", (isDark) => (systemTheme.value = isDark ? "dark" : "light"));
  follow("print", (matches) => (isPrinting.value = matches));
  followStorage(STORAGE_KEY, (stored) => show(parse(stored)));
  // The browser's bar continues the page.
  theme.subscribe(() => setMeta("theme-color", getComputedStyle(document.body).backgroundColor));
}

function follow(query: string, onMatch: (matches: boolean) => void): void {
  const list = matchMedia(query);
  onMatch(list.matches);
  list.addEventListener("change", () => onMatch(list.matches));
}

function setMeta(name: string, content: string): void {
  for (const meta of document.querySelectorAll<HTMLMetaElement>(`meta[name="${name}"]`)) meta.content = content;
}
