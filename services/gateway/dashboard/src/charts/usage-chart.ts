import {
  createChart,
  HistogramSeries,
  type HistogramData,
  type HistogramSeriesPartialOptions,
  type IChartApi,
  type ISeriesApi,
  type MouseEventParams,
  type Time,
  type UTCTimestamp,
  type WhitespaceData,
} from "lightweight-charts";
import { calendarDay, fixed } from "../i18n/format.ts";
import { stacked, type UsageSeries } from "../lib/usage.ts";
import { chartColors, chartOptions } from "./chart-options.ts";
import { color, drawNow } from "./theme.ts";

export const USAGE_HEIGHT = 220;

/** The colours of the classes, the largest first. */
export const USAGE_TONES = ["accent", "up", "warn", "control-line"] as const;

const toTime = (day: string): UTCTimestamp => (Date.parse(day) / 1000) as UTCTimestamp;
/** Days of UTC: no time zone moves them. */
const label = (time: Time): string => calendarDay(new Date(Number(time) * 1000).toISOString());

const COUNT = {
  type: "custom",
  minMove: 1,
  formatter: (value: number) => fixed(value, 0),
  tickmarksFormatter: (values: readonly number[]) =>
    values.map((value) => (Number.isInteger(value) ? fixed(value, 0) : "")),
} as const;

/** Requests per day as bars, whose parts are classes of routes. */
export class UsageChart {
  readonly #chart: IChartApi;
  #series: ISeriesApi<"Histogram">[] = [];
  #days: string[] = [];

  constructor(container: HTMLElement, onPoint: (day: number | null) => void) {
    this.#chart = createChart(container, {
      ...chartOptions(false),
      timeScale: { ...chartOptions(false).timeScale, timeVisible: false, tickMarkFormatter: label },
      localization: { ...chartOptions(false).localization, timeFormatter: label },
    });
    this.#chart.priceScale("right").applyOptions({ scaleMargins: { top: 0.08, bottom: 0 } });
    this.#chart.subscribeCrosshairMove(({ time }: MouseEventParams) => {
      const at = time === undefined ? -1 : this.#days.findIndex((day) => toTime(day) === time);
      onPoint(at < 0 ? null : at);
    });
  }

  /** Those of the style sheet as it is now. */
  applyColors(): void {
    this.#chart.applyOptions(chartColors());
    this.#chart.applyOptions({ crosshair: { horzLine: { visible: false, labelVisible: false } } });
    // The highest bars are drawn first, so the last series belongs to the first class.
    this.#series.forEach((series, i) => series.applyOptions(toneOf(this.#series.length - 1 - i)));
    drawNow(this.#chart);
  }

  update(usage: UsageSeries): void {
    for (const series of this.#series) this.#chart.removeSeries(series);
    this.#days = usage.days;
    const heights = stacked(usage);
    this.#series = heights
      .map((values, i) => {
        const series = this.#chart.addSeries(HistogramSeries, { ...toneOf(i), priceFormat: COUNT });
        // A bar of nothing would be a line.
        const barOf = (day: string, at: number): HistogramData | WhitespaceData =>
          values[at] ? { time: toTime(day), value: values[at] } : { time: toTime(day) };
        series.setData(usage.days.map(barOf));
        return series;
      })
      .reverse();
    this.#series.forEach((series, order) => series.setSeriesOrder(order));
    this.#chart.timeScale().setVisibleLogicalRange({ from: -0.5, to: usage.days.length - 0.5 });
  }

  remove(): void {
    this.#chart.remove();
  }
}

function toneOf(index: number): HistogramSeriesPartialOptions {
  const tone = USAGE_TONES[index] ?? "control-line";
  return { color: color(tone), lastValueVisible: false, priceLineVisible: false, base: 0 };
}
