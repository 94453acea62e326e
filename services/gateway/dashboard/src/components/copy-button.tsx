import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { copy } from "../lib/clipboard.ts";
import { CheckIcon, CopyIcon } from "./icons.tsx";

const ACKNOWLEDGED_MS = 2_000;

export function CopyButton({ text, what }: { text: string; what: string }): JSX.Element {
  const copied = useSignal(false);
  const onClick = async (): Promise<void> => {
    copied.value = await copy(text);
    setTimeout(() => (copied.value = false), ACKNOWLEDGED_MS);
  };
  return (
    <button type="button" class="button" onClick={() => void onClick()} aria-label={`Copy ${what}`}>
      {copied.value ? <CheckIcon /> : <CopyIcon />}
      <span aria-live="polite">{copied.value ? "Copied" : "Copy"}</span>
    </button>
  );
}
