import type { JSX } from "preact";
import { signedPercent } from "../i18n/format.ts";
import { t } from "../i18n/language.ts";

const PERCENTAGES = [-10, -5, 5, 10];

/** Buttons for targets at usual distances from the price. */
export function TargetSuggestions({ onChoose }: { onChoose: (percent: number) => void }): JSX.Element {
  return (
    <div class="suggestions" role="group" aria-label={t.value.form.suggestions}>
      {PERCENTAGES.map((percent) => (
        <button key={percent} type="button" class="button small" onClick={() => onChoose(percent)}>
          {signedPercent(percent, 0)}
        </button>
      ))}
    </div>
  );
}
