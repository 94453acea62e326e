import type { JSX } from "preact";
import type { RiskLevel } from "../api/types.ts";

/** A risk level: its word, and a shape that differs as well as a colour. */
export function RiskBadge({ level }: { level: RiskLevel | null | undefined }): JSX.Element | null {
  if (level == null) return null;
  return (
    <span class={`risk-badge ${level.toLowerCase()}`}>
      <span class="shape" aria-hidden="true" />
      <span class="visually-hidden">Risk level </span>
      {level}
    </span>
  );
}
