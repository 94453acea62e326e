import type { JSX } from "preact";

interface Props {
  label: string;
  value: number;
  max: number;
  /** How it stands, in words. */
  text: string;
  tone?: "ok" | "warning" | "alert";
}

/** A bar that shows how much of a limit is used. */
export function Meter({ label, value, max, text, tone = "ok" }: Props): JSX.Element {
  const share = max > 0 ? Math.min(1, Math.max(0, value / max)) : 0;
  return (
    <div
      class={`meter ${tone}`}
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={max}
      aria-valuenow={Math.min(value, max)}
      aria-valuetext={text}
    >
      <div class="fill" style={{ width: `${share * 100}%` }} />
    </div>
  );
}
