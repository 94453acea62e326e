import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { t } from "../i18n/language.ts";
import { CloseIcon } from "./icons.tsx";

interface Props {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  /** At the side, over the full height, for details. */
  side?: boolean;
  /** Neither Escape nor a click beside it closes the dialog: what it shows would be lost. */
  isKept?: boolean;
}

/** A modal made of the native dialog, which traps the focus and closes on Escape. */
export function Dialog({ title, onClose, children, side = false, isKept = false }: Props): JSX.Element {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const opener = document.activeElement;
    ref.current?.showModal();
    ref.current?.querySelector<HTMLElement>("[data-focus-first]")?.focus();
    return () => {
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, []);
  const closeOnBackdrop = (event: MouseEvent): void => {
    if (event.target === ref.current && !isKept) onClose();
  };
  return (
    <dialog
      ref={ref}
      class={side ? "side" : ""}
      aria-labelledby={id}
      onCancel={(event) => {
        if (isKept) event.preventDefault();
      }}
      onClose={onClose}
      onMouseDown={closeOnBackdrop}
    >
      <div class="dialog-body">
        <header>
          <h2 id={id}>{title}</h2>
          <button type="button" class="icon-button" aria-label={t.value.actions.close} onClick={onClose}>
            <CloseIcon />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
