import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";

interface Props {
  label: string;
  name: string;
  value: string;
  onInput: (value: string) => void;
  /** The person has finished a change, by leaving the field or with the Enter key. */
  onCommit?: (value: string) => void;
  error?: ComponentChildren;
  hint?: string | undefined;
  /** The sign of a currency, on the side that the number has it on. */
  prefix?: string | undefined;
  suffix?: string | undefined;
  type?: "text" | "email" | "url" | "password";
  inputMode?: "decimal" | "numeric" | "url" | "email" | "text";
  placeholder?: string;
  autoComplete?: string;
  autoFocus?: boolean;
}

/** A labelled input whose hint and error are announced with it. */
export function Field(props: Props): JSX.Element {
  const id = useId();
  const { label, name, value, onInput, error, hint, prefix, suffix, type = "text" } = props;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class={prefix ? "input prefixed" : "input"}>
        {prefix && <span aria-hidden="true">{prefix}</span>}
        <input
          id={id}
          name={name}
          // JSX types `type` by kind of input, so a variable needs a cast.
          {...({ type } as { type: "text" })}
          value={value}
          inputMode={props.inputMode}
          placeholder={props.placeholder}
          autoComplete={props.autoComplete ?? "off"}
          data-focus-first={props.autoFocus}
          spellcheck={false}
          aria-invalid={error ? true : undefined}
          aria-describedby={error || hint ? `${id}-note` : undefined}
          onInput={(event) => onInput(event.currentTarget.value)}
          onChange={(event) => props.onCommit?.(event.currentTarget.value)}
        />
        {suffix && <span aria-hidden="true">{suffix}</span>}
      </div>
      {(error ?? hint) && (
        <p id={`${id}-note`} class={error ? "error" : "hint"}>
          {error ?? hint}
        </p>
      )}
    </div>
  );
}
