import type { JSX } from "preact";
import { CorrelationGrid } from "../components/correlation-grid.tsx";
import { Section } from "../components/section.tsx";
import { MAX_CORRELATED, correlation } from "../state/asset.ts";
import { range, RANGES } from "../state/selection.ts";
import { tickers } from "../state/market.ts";
import { PollerLoading } from "./poller-status.tsx";

export function CorrelationMap(): JSX.Element {
  const data = correlation.data.value;
  const isCut = tickers.value.split(",").length > MAX_CORRELATED;
  return (
    <Section
      title="Correlation"
      note={`${RANGES[range.value].description}, Pearson${isCut ? `, first ${MAX_CORRELATED} of the watch list` : ""}`}
    >
      {data ? (
        <CorrelationGrid data={data} />
      ) : tickers.value && !tickers.value.includes(",") ? (
        <p class="empty">Correlation needs two assets.</p>
      ) : (
        <PollerLoading of={correlation} label="Loading the correlations" />
      )}
    </Section>
  );
}
