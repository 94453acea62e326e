import type { JSX } from "preact";
import { LanguageSelect } from "../components/language-select.tsx";
import { ThemeSelect } from "../components/theme-select.tsx";
import { language } from "../i18n/language.ts";
import { chooseLanguage } from "../state/language.ts";
import { chooseTheme, themeChoice } from "../state/theme.ts";

/** What a person chooses for this device, signed in or not. */
export function Preferences(): JSX.Element {
  return (
    <div class="preferences">
      <LanguageSelect value={language.value} onChange={chooseLanguage} />
      <ThemeSelect choice={themeChoice.value} onChoose={chooseTheme} />
    </div>
  );
}
