import type { JSX } from "preact";
import { useId } from "preact/hooks";

interface Props<V extends string> {
  label: string;
  /** With their language, where that is not the page's. */
  options: readonly { value: V; label: string; title?: string; lang?: string }[];
  value: V;
  onChange: (value: V) => void;
}

/** A segmented control made of native radio buttons, which handle the arrow keys. */
export function Segmented<V extends string>({ label, options, value, onChange }: Props<V>): JSX.Element {
  const name = useId();
  return (
    <fieldset class="segmented">
      <legend class="visually-hidden">{label}</legend>
      {options.map((option) => (
        <label key={option.value} title={option.title} lang={option.lang}>
          <input
            type="radio"
            name={name}
            value={option.value}
            checked={option.value === value}
            onChange={() => onChange(option.value)}
          />
          <span>{option.label}</span>
        </label>
      ))}
    </fieldset>
  );
}
