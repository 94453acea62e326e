import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { price } from "../i18n/format.ts";

/** Flashes in the color of the direction when the price changes. */
export function LivePrice({ value, class: name = "" }: { value: number; class?: string }): JSX.Element {
  const ref = useRef<HTMLSpanElement>(null);
  const before = useRef(value);
  useEffect(() => {
    const moved = value - before.current;
    before.current = value;
    if (moved === 0 || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const tint = moved > 0 ? "var(--up-wash)" : "var(--down-wash)";
    ref.current?.animate([{ backgroundColor: tint }, { backgroundColor: "transparent" }], 900);
  }, [value]);
  return (
    <span ref={ref} class={`price ${name}`}>
      {price(value)}
    </span>
  );
}
