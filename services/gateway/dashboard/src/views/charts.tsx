import { computed, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import type { Line } from "../charts/line-data.ts";
import { MarketChartView } from "../charts/market-chart-view.tsx";
import type { ChartType } from "../charts/market-chart.ts";
import { LINE_PANES, type LineName } from "../charts/panes.ts";
import { CandleReadout } from "../components/candle-readout.tsx";
import { LinePaneHeading } from "../components/line-pane-heading.tsx";
import { Section } from "../components/section.tsx";
import { Segmented } from "../components/segmented.tsx";
import { assetName } from "../lib/assets.ts";
import { readingOf, timeRangeOf, type ChartCandle } from "../lib/candles.ts";
import { fraction, price } from "../lib/format.ts";
import { drawdownLine, windowStats } from "../lib/window-stats.ts";
import { alerts } from "../state/alerts.ts";
import { candles, liveCandles, series } from "../state/asset.ts";
import { range, RANGES, ticker } from "../state/selection.ts";
import { theme } from "../state/theme.ts";
import { isShownInBanner, PollerLoading, PollerStaleBadge, retryText } from "./poller-status.tsx";

const CHART_TYPES = [
  { value: "candles", label: "Candles" },
  { value: "area", label: "Line" },
] as const;

/** On narrower screens candles are too thin to read. */
const WIDE = "(min-width: 761px)";

/** Targets of the shown asset's armed alerts. */
const alertTargets = computed(() =>
  (alerts.data.value ?? [])
    .filter((alert) => alert.is_active && alert.ticker === ticker.value)
    .map((alert) => Number(alert.target_price)),
);

/** Price, drawdown and rolling volatility below each other on one time axis. */
export function Charts(): JSX.Element {
  const chartType = useSignal<ChartType>(matchMedia(WIDE).matches ? "candles" : "area");
  const crosshair = useSignal<number | null>(null);
  const announced = useSignal("");
  const { stepSeconds, description, rollingWindow } = RANGES[range.value];
  const shown = liveCandles.value;
  const lines = useLines(shown);
  const type = chartType.value;
  const targets = alertTargets.value;
  const data = useMemo(
    () => ({ candles: shown, step: stepSeconds, chartType: type, lines, targets }),
    [shown, stepSeconds, type, lines, targets],
  );
  const symbol = ticker.value;
  useEffect(() => void (crosshair.value = null), [crosshair, symbol, stepSeconds]);

  return (
    <Section
      title="Price"
      class="charts"
      note={
        <>
          <CandleReadout candles={shown} crosshair={crosshair} />
          <PollerStaleBadge of={candles} />
        </>
      }
      actions={
        <Segmented
          label="Kind of chart"
          options={CHART_TYPES}
          value={type}
          onChange={(value) => (chartType.value = value)}
        />
      }
    >
      <div class="chart-area">
        <MarketChartView
          data={data}
          theme={theme}
          crosshair={crosshair}
          onKeyMove={(time) => (announced.value = announcement(time, shown, lines))}
          label={summary(assetName(symbol ?? ""), description, shown, targets)}
        />
        <p role="status" class="visually-hidden">
          {announced}
        </p>
        <ChartState isMissing={shown.length === 0} />
        {shown.length > 0 &&
          LINE_PANES.map(({ name, title }, index) => (
            <LinePaneHeading
              key={name}
              index={index}
              title={`${title}, ${name === "volatility" ? `rolling ${rollingWindow}, annual` : description}`}
              line={lines[name]}
              range={timeRangeOf(shown, stepSeconds)}
              isLoaded={name === "drawdown" || series.data.value !== null}
              error={name === "drawdown" || isShownInBanner(series) ? null : series.error.value}
              retry={retryText(series)}
              onRetry={() => series.refresh()}
              crosshair={crosshair}
            />
          ))}
      </div>
    </Section>
  );
}

function ChartState({ isMissing }: { isMissing: boolean }): JSX.Element | null {
  if (!isMissing) return null;
  if (candles.data.value) return <p class="empty">No history for this window yet.</p>;
  return <PollerLoading of={candles} label="Loading the chart" shape="chart-skeleton" />;
}

/** The drawdown is that of the candles above it, with the live price; the rolling volatility comes from the API. */
function useLines(shown: ChartCandle[]): Record<LineName, Line> {
  const loaded = series.data.value;
  const volatility: Line = useMemo(() => {
    const values = loaded?.rolling_volatility;
    return new Map((loaded?.t ?? []).map((time, i) => [Date.parse(time) / 1000, values?.[i]]));
  }, [loaded]);
  return useMemo(() => ({ drawdown: drawdownLine(shown), volatility }), [shown, volatility]);
}

function announcement(time: number | null, shown: ChartCandle[], lines: Record<LineName, Line>): string {
  const candle = shown.find((each) => each.time === time);
  if (!candle) return "";
  const values = LINE_PANES.map(
    ({ name, title }) => `${title.toLowerCase()} ${fraction(lines[name].get(candle.time))}`,
  );
  return `${readingOf(candle)} · ${values.join(" · ")}`;
}

function summary(name: string, description: string, shown: ChartCandle[], targets: readonly number[]): string {
  const first = shown[0];
  const last = shown.at(-1);
  const window = windowStats(shown);
  if (!first || !last || !window) return `Price of ${name}`;
  return (
    `Price of ${name} over ${description}: from ${price(first.open)} to ${price(last.close)}, between ${price(window.low)} ` +
    `and ${price(window.high)}.${targets.length ? ` Alerts at ${targets.map((at) => price(at)).join(", ")}.` : ""} Drawdown and rolling volatility below. Use the arrow keys to read values.`
  );
}
