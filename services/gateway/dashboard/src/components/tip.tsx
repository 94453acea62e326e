import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";

/** Text with an explanation that shows on hover and on keyboard focus. */
export function Tip({
  text,
  children,
  quiet = false,
}: {
  text: string;
  children: ComponentChildren;
  quiet?: boolean;
}): JSX.Element {
  const id = useId();
  return (
    <span class={quiet ? "tip quiet" : "tip"} tabIndex={0} aria-describedby={id}>
      {children}
      <span class="tip-text" role="tooltip" id={id}>
        {text}
      </span>
    </span>
  );
}
