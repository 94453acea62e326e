import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { t } from "../i18n/language.ts";
import { copy } from "../lib/clipboard.ts";
import { CheckIcon, CopyIcon } from "./icons.tsx";

const ACKNOWLEDGED_MS = 2_000;

export function CopyButton({ text, label }: { text: string; label: string }): JSX.Element {
  const copied = useSignal(false);
  const onClick = async (): Promise<void> => {
    copied.value = await copy(text);
    setTimeout(() => (copied.value = false), ACKNOWLEDGED_MS);
  };
  return (
    <button type="button" class="button" onClick={() => void onClick()} aria-label={label}>
      {copied.value ? <CheckIcon /> : <CopyIcon />}
      <span aria-live="polite">{copied.value ? t.value.actions.copied : t.value.actions.copy}</span>
    </button>
  );
}
