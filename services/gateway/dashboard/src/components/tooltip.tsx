import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";

/** Text with an explanation that shows on hover and on keyboard focus. */
export function Tooltip({
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
    <span class={quiet ? "tooltip quiet" : "tooltip"} tabIndex={0} aria-describedby={id}>
      {children}
      <span class="tooltip-text" role="tooltip" id={id}>
        {text}
      </span>
    </span>
  );
}
