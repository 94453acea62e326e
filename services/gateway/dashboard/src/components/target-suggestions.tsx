import type { JSX } from "preact";
import { signedPercent } from "../lib/format.ts";

const PERCENTAGES = [-10, -5, 5, 10];

/** Buttons for targets at usual distances from the price. */
export function TargetSuggestions({ onChoose }: { onChoose: (percent: number) => void }): JSX.Element {
  return (
    <div class="suggestions" role="group" aria-label="Target at a distance from the price">
      {PERCENTAGES.map((percent) => (
        <button key={percent} type="button" class="button small" onClick={() => onChoose(percent)}>
          {signedPercent(percent, 0)}
        </button>
      ))}
    </div>
  );
}
