import type { JSX } from "preact";
import { useId } from "preact/hooks";

interface Props<V extends string> {
  label: string;
  options: readonly { value: V; label: string; title?: string }[];
  value: V;
  onChange: (value: V) => void;
}

/** One choice of a few, as native radio buttons: arrow keys work by themselves. */
export function Segmented<V extends string>({ label, options, value, onChange }: Props<V>): JSX.Element {
  const name = useId();
  return (
    <fieldset class="segmented">
      <legend class="visually-hidden">{label}</legend>
      {options.map((option) => (
        <label key={option.value} title={option.title}>
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
