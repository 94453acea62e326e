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
import { timeRangeOf, type ChartCandle } from "../lib/candles.ts";
import { readingOf } from "../i18n/candle.ts";
import { fraction, price } from "../i18n/format.ts";
import { language, t } from "../i18n/language.ts";
import { drawdownLine, windowStats } from "../lib/window-stats.ts";
import { alerts } from "../state/alerts.ts";
import { candles, liveCandles, series } from "../state/asset.ts";
import { range, RANGES, ticker } from "../state/selection.ts";
import { theme } from "../state/theme.ts";
import { isShownInBanner, PollerLoading, PollerStaleBadge, retryText } from "./poller-status.tsx";
import { TimeZone } from "./time-zone.tsx";

const CHART_TYPES: readonly ChartType[] = ["candles", "area"];

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
  const { charts } = t.value;
  const { stepSeconds } = RANGES[range.value];
  const window = t.value.windows[range.value];
  const shown = liveCandles.value;
  const lines = useLines(shown);
  const type = chartType.value;
  const targets = alertTargets.value;
  const data = useMemo(
    () => ({ candles: shown, step: stepSeconds, chartType: type, lines, targets }),
    [shown, stepSeconds, type, lines, targets],
  );
  const symbol = ticker.value;
  const chosenLanguage = language.value;
  useEffect(() => {
    crosshair.value = null;
    announced.value = "";
  }, [crosshair, announced, symbol, stepSeconds, chosenLanguage]);

  return (
    <Section
      title={charts.title}
      class="charts"
      note={
        <>
          <CandleReadout candles={shown} crosshair={crosshair} />
          <PollerStaleBadge of={candles} />
        </>
      }
      actions={
        <Segmented
          label={charts.kind}
          options={CHART_TYPES.map((value) => ({ value, label: value === "area" ? charts.line : charts.candles }))}
          value={type}
          onChange={(value) => (chartType.value = value)}
        />
      }
    >
      <div class="chart-area">
        <MarketChartView
          // The chart keeps what it has drawn, with its numbers and times.
          key={chosenLanguage}
          data={data}
          theme={theme}
          crosshair={crosshair}
          onKeyMove={(time) => (announced.value = announcement(time, shown, lines))}
          label={summary(assetName(symbol ?? ""), window.long, shown, targets)}
        />
        <p role="status" class="visually-hidden">
          {announced}
        </p>
        <ChartState isMissing={shown.length === 0} />
        {shown.length > 0 &&
          LINE_PANES.map(({ name }, index) => (
            <LinePaneHeading
              key={name}
              index={index}
              title={name === "volatility" ? charts.volatility(window.rolling) : charts.drawdown(window.long)}
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
      <TimeZone />
    </Section>
  );
}

function ChartState({ isMissing }: { isMissing: boolean }): JSX.Element | null {
  if (!isMissing) return null;
  if (candles.data.value) return <p class="empty">{t.value.charts.noHistory}</p>;
  return <PollerLoading of={candles} label={t.value.charts.loading} shape="chart-skeleton" />;
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
  const valueOf = (name: LineName): string => fraction(lines[name].get(candle.time));
  return `${readingOf(candle)} · ${t.value.charts.readingBelow(valueOf("drawdown"), valueOf("volatility"))}`;
}

function summary(name: string, window: string, shown: ChartCandle[], targets: readonly number[]): string {
  const { charts } = t.value;
  const first = shown[0];
  const last = shown.at(-1);
  const stats = windowStats(shown);
  if (!first || !last || !stats) return charts.price(name);
  const sentences = [
    charts.summary(name, window, price(first.open), price(last.close), price(stats.low), price(stats.high)),
    ...(targets.length > 0 ? [charts.targets(targets.map((at) => price(at)).join(", "))] : []),
    charts.howToRead,
  ];
  return sentences.join(" ");
}
