import type { JSX } from "preact";
import { SearchIcon } from "./icons.tsx";

interface Props {
  name: string;
  label: string;
  placeholder: string;
  value: string;
  onInput: (value: string) => void;
  isInvalid?: boolean;
}

/** A search whose name is not shown, beside other filters. */
export function SearchInput({ name, label, placeholder, value, onInput, isInvalid = false }: Props): JSX.Element {
  return (
    <div class="input search">
      <SearchIcon />
      <input
        type="search"
        name={name}
        aria-label={label}
        aria-invalid={isInvalid || undefined}
        placeholder={placeholder}
        autoComplete="off"
        spellcheck={false}
        value={value}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </div>
  );
}
