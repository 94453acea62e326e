import type { JSX } from "preact";
import { t } from "../i18n/language.ts";
import { CloseIcon } from "./icons.tsx";

interface Props {
  toasts: { id: number; text: () => string }[];
  onDismiss: (id: number) => void;
}

export function Toasts({ toasts, onDismiss }: Props): JSX.Element {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.map((toast) => (
        <p key={toast.id}>
          {toast.text()}
          <button
            type="button"
            class="icon-button"
            aria-label={t.value.actions.dismiss}
            onClick={() => onDismiss(toast.id)}
          >
            <CloseIcon />
          </button>
        </p>
      ))}
    </div>
  );
}
