import type { JSX } from "preact";

/** A text in which what stands between backquotes is code. */
export function MarkedText({ text }: { text: string }): JSX.Element {
  return <>{text.split("`").map((part, i) => (i % 2 === 1 ? <code key={i}>{part}</code> : part))}</>;
}
