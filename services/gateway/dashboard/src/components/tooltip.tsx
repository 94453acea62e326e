import type { ComponentChildren, JSX } from "preact";

interface Props {
  text: string;
  children: ComponentChildren;
  quiet?: boolean;
}

/**
 * Text with an explanation that shows on hover. It is no stop of the tab key: what it explains is also in a list that
 * keyboards, screen readers and touch screens reach (`Meanings`).
 */
export function Tooltip({ text, children, quiet = false }: Props): JSX.Element {
  return (
    <span class={quiet ? "tooltip quiet" : "tooltip"}>
      {children}
      <span class="tooltip-text" role="tooltip">
        {text}
      </span>
    </span>
  );
}
