import type { JSX } from "preact";
import { Segmented } from "./segmented.tsx";

const LABEL = "Theme";
const CHOICES = [
  { value: "system", label: "System", title: "As the system is set, also when that changes" },
  { value: "light", label: "Light" },
  { value: "dark", label: "Dark" },
] as const;

type Choice = (typeof CHOICES)[number]["value"];

interface Props {
  choice: Choice;
  onChoose: (choice: Choice) => void;
}

export function ThemeSelect({ choice, onChoose }: Props): JSX.Element {
  return (
    <div class="theme-select">
      <span aria-hidden="true">{LABEL}</span>
      <Segmented label={LABEL} options={CHOICES} value={choice} onChange={onChoose} />
    </div>
  );
}
