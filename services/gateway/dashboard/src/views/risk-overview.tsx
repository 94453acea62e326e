import type { JSX } from "preact";
import { RiskTable } from "../components/risk-table.tsx";
import { Section } from "../components/section.tsx";
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
    <Section title="Risk of all assets" note={<PollerStaleBadge of={monitors} />}>
      {data ? (
        <RiskTable rows={riskRows(data)} selected={ticker.value} onSelect={select} />
      ) : (
        <PollerLoading of={monitors} label="Loading the risk levels" />
      )}
    </Section>
  );
}
