import type { JSX } from "preact";
import { t } from "../i18n/language.ts";
import { Segmented } from "./segmented.tsx";

type Choice = "system" | "light" | "dark";

interface Props {
  choice: Choice;
  onChoose: (choice: Choice) => void;
}

export function ThemeSelect({ choice, onChoose }: Props): JSX.Element {
  const { label, system, systemAbout, light, dark } = t.value.theme;
  const options = [
    { value: "system", label: system, title: systemAbout },
    { value: "light", label: light },
    { value: "dark", label: dark },
  ] as const;
  return (
    <div class="preference">
      <span aria-hidden="true">{label}</span>
      <Segmented label={label} options={options} value={choice} onChange={onChoose} />
    </div>
  );
}
