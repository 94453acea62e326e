import type { JSX } from "preact";
import type { RiskCheck, Monitor, MonitorCheck } from "../api/types.ts";
import { RiskBadge } from "../components/risk-badge.tsx";
import { Section } from "../components/section.tsx";
import { Tooltip } from "../components/tooltip.tsx";
import { DASH, isKnown, minute, percent, ratio, humanize } from "../lib/format.ts";
import { monitorOf, monitors } from "../state/market.ts";
import { ticker } from "../state/selection.ts";
import { PollerLoading, PollerStaleBadge } from "./poller-status.tsx";

const CHECKS: Record<RiskCheck, { label: string; about: string; show: (value: number) => string }> = {
  price_drop: {
    label: "Price drop, 24 h",
    about: "Fall of the price over 24 hours.",
    show: (v) => percent(v, 1),
  },
  volatility_spike: {
    label: "Volatility, 1 h",
    about: "Volatility of the last hour against its median over 7 days.",
    show: (v) => `${ratio(v)}×`,
  },
  drawdown: {
    label: "Drawdown, 30 d",
    about: "Distance below the highest price of 30 days.",
    show: (v) => percent(v, 1),
  },
};

/** The chosen asset's level and how far each check is from its thresholds. */
export function Risk(): JSX.Element {
  const monitor = ticker.value === null ? null : monitorOf(ticker.value);
  return (
    <Section title="Risk" note={monitor && <LevelNote monitor={monitor} />}>
      <Body monitor={monitor} />
    </Section>
  );
}

function LevelNote({ monitor }: { monitor: Monitor }): JSX.Element {
  return (
    <>
      <RiskBadge level={monitor.level} />
      {monitor.level && monitor.since && <span>since {minute(monitor.since)}</span>}
      <PollerStaleBadge of={monitors} />
    </>
  );
}

function Body({ monitor }: { monitor: Monitor | null }): JSX.Element {
  if (monitor)
    return (
      <ul class="checks">
        {monitor.checks.map((check) => (
          <Check key={check.name} check={check} />
        ))}
      </ul>
    );
  if (monitors.data.value) return <p class="empty">This asset is not monitored.</p>;
  return <PollerLoading of={monitors} label="Loading the risk checks" />;
}

function Check({ check }: { check: MonitorCheck }): JSX.Element {
  const { label, about, show } = CHECKS[check.name];
  // The scale ends a little beyond the Alert threshold, or at the value if that is larger.
  const end = Math.max(check.alert * 1.25, check.value ?? 0);
  const at = (value: number): string => `${Math.min(100, Math.max(0, (value / end) * 100)).toFixed(1)}%`;
  return (
    <li>
      <div class="check-head">
        <Tooltip text={about}>{label}</Tooltip>
        <RiskBadge level={check.level} />
        <span class="value">
          {isKnown(check.value) ? (
            show(check.value)
          ) : (
            <Tooltip text={check.reason ? `Not known: ${humanize(check.reason)}.` : "Not known yet."}>{DASH}</Tooltip>
          )}
        </span>
      </div>
      <div
        class={`gauge ${(check.level ?? "OK").toLowerCase()}`}
        role="meter"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={end}
        aria-valuenow={check.value ?? 0}
        aria-valuetext={isKnown(check.value) ? show(check.value) : "not known"}
      >
        <span class="fill" style={{ width: at(check.value ?? 0) }} />
        <span class="threshold" style={{ left: at(check.warning) }} />
        <span class="threshold" style={{ left: at(check.alert) }} />
      </div>
      <div class="scale" aria-hidden="true">
        <span style={{ left: at(check.warning) }}>Warning {show(check.warning)}</span>
        <span style={{ left: at(check.alert) }}>Alert {show(check.alert)}</span>
      </div>
    </li>
  );
}
