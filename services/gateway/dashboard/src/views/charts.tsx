import { useComputed, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import type { Maybe } from "../api/types.ts";
import { timeRangeOf, toChartCandles, type ChartCandle } from "../charts/candles.ts";
import { crosshairTime, type TimeRange } from "../charts/crosshair.ts";
import { LineChart } from "../charts/line-chart.tsx";
import { PriceChart, type ChartType } from "../charts/price-chart.tsx";
import { Section } from "../components/section.tsx";
import { Segmented } from "../components/segmented.tsx";
import { clock, day, fraction, isKnown, price } from "../lib/format.ts";
import { assetName } from "../lib/assets.ts";
import { candles, series } from "../state/asset.ts";
import { selectedQuote } from "../state/market.ts";
import { RANGES, ticker, range } from "../state/selection.ts";
import { PollerLoading, PollerStaleBadge } from "./poller-status.tsx";

const CHART_TYPES = [
  { value: "candles", label: "Candles" },
  { value: "area", label: "Line" },
] as const;

/** Narrower screens have no room for the bodies of candles. */
const ROOMY = "(min-width: 761px)";

/** Price, drawdown and rolling volatility below each other on one time axis. */
export function Charts(): JSX.Element {
  const chartType = useSignal<ChartType>(matchMedia(ROOMY).matches ? "candles" : "area");
  const { stepSeconds, description } = RANGES[range.value];
  const data = candles.data.value;
  const quote = selectedQuote.value;
  const bars = useMemo(() => toChartCandles(data ?? [], quote, stepSeconds), [data, quote, stepSeconds]);
  const frame = timeRangeOf(bars, stepSeconds);
  const lines = useLines(frame?.first);
  const symbol = ticker.value;
  const name = assetName(symbol ?? "");
  useEffect(() => void (crosshairTime.value = null), [symbol, stepSeconds]);

  return (
    <Section
      title="Price"
      class="charts"
      note={
        <>
          <BarReadout bars={bars} />
          <PollerStaleBadge of={candles} />
        </>
      }
      actions={
        <Segmented
          label="Kind of chart"
          options={CHART_TYPES}
          value={chartType.value}
          onChange={(value) => (chartType.value = value)}
        />
      }
    >
      <div class="chart-area" style={{ height: "340px" }}>
        <PriceChart
          bars={bars}
          step={stepSeconds}
          chartType={chartType.value}
          label={summary(name, description, bars)}
        />
        <ChartState missing={bars.length === 0} />
      </div>
      {frame && (
        <>
          <Line
            title="Drawdown"
            {...lines.drawdown}
            frame={frame}
            tone="down"
            label={`Drawdown of ${name} over ${description}. Use the arrow keys to read values.`}
          />
          <Line
            title="Rolling volatility, annual"
            {...lines.volatility}
            frame={frame}
            tone="accent"
            label={`Rolling volatility of ${name} over ${description}. Use the arrow keys to read values.`}
          />
        </>
      )}
    </Section>
  );
}

function ChartState({ missing }: { missing: boolean }): JSX.Element | null {
  if (!missing) return null;
  if (candles.data.value) return <p class="empty">No history for this window yet.</p>;
  return <PollerLoading of={candles} label="Loading the chart" shape="chart-skeleton" />;
}

interface Column {
  times: number[];
  values: Maybe[];
}

/** The series' columns, cut to the times that the price chart shows. */
function useLines(first: number | undefined): { drawdown: Column; volatility: Column } {
  const data = series.data.value;
  return useMemo(() => {
    const all = (data?.t ?? []).map((time) => Date.parse(time) / 1000);
    const start =
      first === undefined
        ? 0
        : Math.max(
            0,
            all.findIndex((time) => time >= first),
          );
    const times = all.slice(start);
    return {
      drawdown: { times, values: (data?.drawdown ?? []).slice(start) },
      volatility: { times, values: (data?.rolling_volatility ?? []).slice(start) },
    };
  }, [data, first]);
}

interface LineProps extends Column {
  title: string;
  frame: TimeRange;
  tone: "accent" | "down";
  label: string;
}

function Line({ title, times, values, frame, tone, label }: LineProps): JSX.Element {
  const known = values.some(isKnown);
  return (
    <div class="line-chart">
      <h3>
        {title}
        <LineReadout times={times} values={values} />
      </h3>
      {known || series.data.value === null ? (
        <LineChart
          times={times}
          values={values}
          frame={frame}
          tone={tone}
          format={(v) => fraction(v, 0)}
          label={label}
        />
      ) : (
        <p class="empty">Not enough history for this window yet.</p>
      )}
    </div>
  );
}

/** The value under the crosshair, or the newest. */
function LineReadout({ times, values }: Column): JSX.Element {
  const time = crosshairTime.value;
  const index = time === null ? values.findLastIndex(isKnown) : times.indexOf(time);
  return <span class="readout">{fraction(values[index])}</span>;
}

function BarReadout({ bars }: { bars: ChartCandle[] }): JSX.Element | null {
  const bar = useComputed(() => crosshairTime.value).value;
  const shown = bar === null ? undefined : bars.find((each) => each.time === bar);
  if (!shown) return null;
  const time = shown.time * 1000;
  return (
    <span class="readout" aria-live="off">
      {day(time)}, {clock(time)} · open {price(shown.open)} · high {price(shown.high)} · low {price(shown.low)} · close{" "}
      {price(shown.close)}
    </span>
  );
}

function summary(name: string, words: string, bars: ChartCandle[]): string {
  const first = bars[0];
  const last = bars.at(-1);
  if (!first || !last) return `Price of ${name}`;
  const high = Math.max(...bars.map((bar) => bar.high));
  const low = Math.min(...bars.map((bar) => bar.low));
  return `Price of ${name} over ${words}: from ${price(first.open)} to ${price(last.close)}, between ${price(low)} and ${price(high)}. Use the arrow keys to read values.`;
}
