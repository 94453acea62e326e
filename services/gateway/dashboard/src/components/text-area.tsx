import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";

interface Props {
  label: string;
  name: string;
  value: string;
  onInput: (value: string) => void;
  rows: number;
  placeholder?: string;
  hint: string;
  error?: ComponentChildren;
}

/** A labelled input of several lines. */
export function TextArea({ label, name, value, onInput, rows, placeholder, hint, error }: Props): JSX.Element {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea
        id={id}
        name={name}
        class="input"
        rows={rows}
        value={value}
        placeholder={placeholder}
        spellcheck={false}
        aria-invalid={error ? true : undefined}
        aria-describedby={`${id}-note`}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      <p id={`${id}-note`} class={error ? "error" : "hint"}>
        {error ?? hint}
      </p>
    </div>
  );
}
