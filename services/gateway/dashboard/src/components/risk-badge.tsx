import type { JSX } from "preact";
import type { RiskLevel } from "../api/types.ts";
import { t } from "../i18n/language.ts";

/** Each level has its own shape as well as its own color, for readers who do not see colors. */
export function RiskBadge({ level }: { level: RiskLevel | null | undefined }): JSX.Element | null {
  if (level == null) return null;
  return (
    <span class={`risk-badge ${level.toLowerCase()}`}>
      <span class="shape" aria-hidden="true" />
      <span class="visually-hidden">{t.value.risk.level} </span>
      {t.value.levels[level]}
    </span>
  );
}
