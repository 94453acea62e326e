import type { JSX } from "preact";
import { duration } from "../i18n/format.ts";
import { t } from "../i18n/language.ts";

export function StaleBadge({ ageMs, reason }: { ageMs: number; reason: string }): JSX.Element {
  return (
    <span class="stale-badge" title={reason}>
      {t.value.loading.notUpdated(duration(ageMs))}
    </span>
  );
}
