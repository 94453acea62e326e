import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { BackIcon } from "../components/icons.tsx";
import { t } from "../i18n/language.ts";
import { showView } from "../state/selection.ts";

/** The head of a view beside the markets, with the way back to them. It takes the focus, as a new page would. */
export function ViewHead({ title, note }: { title: string; note?: ComponentChildren }): JSX.Element {
  const ref = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    const focused = document.activeElement;
    // Not from a dialog that a link has opened together with the view.
    if (!focused || focused === document.body || focused.closest(".menu")) ref.current?.focus({ preventScroll: true });
  }, []);
  return (
    <header class="view-head">
      <button type="button" class="link back" onClick={() => showView("markets")}>
        <BackIcon />
        {t.value.account.back}
      </button>
      <h2 ref={ref} tabIndex={-1}>
        {title}
      </h2>
      {note && <p class="note">{note}</p>}
    </header>
  );
}
