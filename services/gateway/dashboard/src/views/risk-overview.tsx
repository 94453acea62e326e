import type { JSX } from "preact";
import { RiskTable } from "../components/risk-table.tsx";
import { Section } from "../components/section.tsx";
import { t } from "../i18n/language.ts";
import { riskRows } from "../lib/risk-table.ts";
import { monitors } from "../state/market.ts";
import { tab, ticker } from "../state/selection.ts";
import { PollerLoading, PollerStaleBadge } from "./poller-status.tsx";

/** All assets by their risk. */
export function RiskOverview(): JSX.Element {
  const data = monitors.data.value;
  const select = (symbol: string): void => {
    ticker.value = symbol;
    tab.value = "asset";
    document.getElementById("main")?.scrollIntoView();
  };
  return (
    <Section title={t.value.risk.all} note={<PollerStaleBadge of={monitors} />}>
      {data ? (
        <RiskTable rows={riskRows(data)} selected={ticker.value} onSelect={select} />
      ) : (
        <PollerLoading of={monitors} label={t.value.risk.loading} />
      )}
    </Section>
  );
}
