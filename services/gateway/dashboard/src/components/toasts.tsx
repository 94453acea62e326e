import type { JSX } from "preact";
import { dismissToast, toasts } from "../state/toasts.ts";
import { CloseIcon } from "./icons.tsx";

export function Toasts(): JSX.Element {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((toast) => (
        <p key={toast.id}>
          {toast.text}
          <button type="button" class="icon-button" aria-label="Dismiss" onClick={() => dismissToast(toast.id)}>
            <CloseIcon />
          </button>
        </p>
      ))}
    </div>
  );
}
