import type { JSX } from "preact";
import type { Monitor } from "../api/types.ts";
import { minute } from "../i18n/format.ts";
import { t } from "../i18n/language.ts";
import { explainLevel } from "../i18n/risk-level.ts";
import { RiskBadge } from "./risk-badge.tsx";

/** An asset's risk level, since when it has it, and why. */
export function LevelLine({ monitor }: { monitor: Monitor | null }): JSX.Element {
  return (
    <p class="level-line">
      <RiskBadge level={monitor?.level} />
      {monitor?.level && monitor.since && <span>{t.value.since(minute(monitor.since))}.</span>}
      {monitor && <span>{explainLevel(monitor)}</span>}
    </p>
  );
}
