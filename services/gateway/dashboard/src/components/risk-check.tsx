import type { JSX } from "preact";
import type { MonitorCheck, RiskCheck as CheckName } from "../api/types.ts";
import { DASH, percent, ratio } from "../i18n/format.ts";
import { t } from "../i18n/language.ts";
import { nameOf } from "../i18n/slug.ts";
import { isKnown } from "../lib/numbers.ts";
import { RiskBadge } from "./risk-badge.tsx";
import { Tooltip } from "./tooltip.tsx";

const SHOW: Record<CheckName, (value: number, digits?: number) => string> = {
  price_drop: (v, digits = 1) => percent(-v, digits),
  volatility_spike: (v) => `${ratio(v)}×`,
  drawdown: (v, digits = 1) => percent(-v, digits),
};

/** Where the scale ends, as a multiple of the Alert threshold. */
const SCALE_END = 1.25;

/** One check of a monitor: its value on a scale with both thresholds. */
export function RiskCheck({ check }: { check: MonitorCheck }): JSX.Element {
  const { risk, notKnown, notKnownYet } = t.value;
  const { label, about } = risk.checks[check.name];
  const show = SHOW[check.name];
  // Fixed, so that the labels of the thresholds stay apart: a bar beyond the end is marked as cut off.
  const end = check.alert * SCALE_END;
  const isBeyond = (check.value ?? 0) > end;
  const at = (value: number): string => `${Math.min(100, Math.max(0, (value / end) * 100)).toFixed(1)}%`;
  // A whole threshold is shown without decimals: at 320 px there is room for no more.
  const threshold = (value: number): string => show(value, Number.isInteger(value) ? 0 : 1);
  return (
    <li>
      <div class="check-head">
        <h3>{label}</h3>
        <RiskBadge level={check.level} />
        <span class="value">
          {isKnown(check.value) ? (
            show(check.value)
          ) : (
            <Tooltip text={check.reason ? risk.unknown(nameOf(risk.unknownReasons, check.reason)) : notKnownYet}>
              {DASH}
            </Tooltip>
          )}
        </span>
      </div>
      <p class="check-about">{about}</p>
      <div
        class={`gauge ${(check.level ?? "OK").toLowerCase()}`}
        role="meter"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={Math.max(end, check.value ?? 0)}
        aria-valuenow={check.value ?? 0}
        aria-valuetext={isKnown(check.value) ? show(check.value) : notKnown}
      >
        <span class={isBeyond ? "fill beyond" : "fill"} style={{ width: at(check.value ?? 0) }} />
        <span class="threshold" style={{ left: at(check.warning) }} />
        <span class="threshold" style={{ left: at(check.alert) }} />
      </div>
      <div class="scale" aria-hidden="true">
        <span style={{ left: at(check.warning) }}>{risk.warningFrom(threshold(check.warning))}</span>
        <span style={{ left: at(check.alert) }}>{risk.alertFrom(threshold(check.alert))}</span>
      </div>
    </li>
  );
}
