import type { JSX } from "preact";
import { duration } from "../lib/format.ts";

export function StaleBadge({ ageMs, reason }: { ageMs: number; reason: string }): JSX.Element {
  return (
    <span class="stale-badge" title={reason}>
      Not updated for {duration(ageMs)}
    </span>
  );
}
