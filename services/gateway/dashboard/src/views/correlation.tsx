import type { JSX } from "preact";
import { CorrelationGrid } from "../components/correlation-grid.tsx";
import { Section } from "../components/section.tsx";
import { t } from "../i18n/language.ts";
import { MAX_CORRELATED, correlation } from "../state/asset.ts";
import { range } from "../state/selection.ts";
import { tickers } from "../state/market.ts";
import { PollerLoading } from "./poller-status.tsx";

export function CorrelationMap(): JSX.Element {
  const data = correlation.data.value;
  const { correlation: texts, windows } = t.value;
  const window = windows[range.value].long;
  const isCut = tickers.value.split(",").length > MAX_CORRELATED;
  return (
    <Section title={texts.title} note={isCut ? texts.noteOfFirst(window, String(MAX_CORRELATED)) : texts.note(window)}>
      {data ? (
        <CorrelationGrid data={data} />
      ) : tickers.value && !tickers.value.includes(",") ? (
        <p class="empty">{texts.needsTwo}</p>
      ) : (
        <PollerLoading of={correlation} label={texts.loading} />
      )}
    </Section>
  );
}
