import type { JSX } from "preact";
import type { Monitor } from "../api/types.ts";
import { RiskBadge } from "../components/risk-badge.tsx";
import { RiskCheck } from "../components/risk-check.tsx";
import { Section } from "../components/section.tsx";
import { clock } from "../i18n/format.ts";
import { t } from "../i18n/language.ts";
import { monitorOf, monitors } from "../state/market.ts";
import { ticker } from "../state/selection.ts";
import { PollerLoading, PollerStaleBadge } from "./poller-status.tsx";

/** The chosen asset's level and how far each check is from its thresholds. */
export function Risk(): JSX.Element {
  const monitor = ticker.value === null ? null : monitorOf(ticker.value);
  return (
    <Section title={t.value.risk.title} note={monitor && <LevelNote monitor={monitor} />}>
      <Body monitor={monitor} />
    </Section>
  );
}

function LevelNote({ monitor }: { monitor: Monitor }): JSX.Element {
  return (
    <>
      <RiskBadge level={monitor.level} />
      {monitor.as_of && <span>{t.value.asOf(clock(Date.parse(monitor.as_of), "seconds"))}</span>}
      <PollerStaleBadge of={monitors} />
    </>
  );
}

function Body({ monitor }: { monitor: Monitor | null }): JSX.Element {
  if (monitor)
    return (
      <ul class="checks">
        {monitor.checks.map((check) => (
          <RiskCheck key={check.name} check={check} />
        ))}
      </ul>
    );
  if (monitors.data.value) return <p class="empty">{t.value.risk.notMonitored}</p>;
  return <PollerLoading of={monitors} label={t.value.risk.loadingChecks} />;
}
