import type { JSX } from "preact";
import { LANGUAGE_NAMES, LANGUAGES, t, type Language } from "../i18n/language.ts";
import { Segmented } from "./segmented.tsx";

const OPTIONS = LANGUAGES.map((value) => ({ value, label: LANGUAGE_NAMES[value], lang: value }));

/** All languages side by side, so that who reads only one of them sees it. */
export function LanguageSelect(props: { value: Language; onChange: (value: Language) => void }): JSX.Element {
  return (
    <div class="preference">
      <span aria-hidden="true">{t.value.language}</span>
      <Segmented label={t.value.language} options={OPTIONS} {...props} />
    </div>
  );
}
