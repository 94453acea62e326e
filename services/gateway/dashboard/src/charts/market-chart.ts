import {
  AreaSeries,
  BaselineSeries,
  CandlestickSeries,
  createChart,
  type IChartApi,
  type IPriceLine,
  type ISeriesApi,
} from "lightweight-charts";
import { fixed } from "../i18n/format.ts";
import { t } from "../i18n/language.ts";
import { priceDecimals } from "../lib/numbers.ts";
import { slotsOf, timeRangeOf, type ChartCandle } from "../lib/candles.ts";
import {
  areaOptions,
  candlestickOptions,
  chartColors,
  chartOptions,
  lineOptions,
  priceLabels,
  targetOptions,
} from "./chart-options.ts";
import { toLineData, type Line } from "./line-data.ts";
import {
  HEADING_SHARE,
  LINE_HEIGHT,
  LINE_PANES,
  lineExtent,
  PRICE_HEIGHT,
  type LineName,
  type LineTone,
} from "./panes.ts";
import { drawNow } from "./theme.ts";
import { toChartTime } from "./time-axis.ts";

export type ChartType = "candles" | "area";

export interface ChartData {
  candles: ChartCandle[];
  /** Length of a candle, in seconds. */
  step: number;
  chartType: ChartType;
  lines: Record<LineName, Line>;
  /** Prices at which alerts fire. */
  targets: readonly number[];
}

type PriceSeries = ISeriesApi<"Candlestick"> | ISeriesApi<"Area">;

/** The price over time, with drawdown and volatility in panes below it, on one time axis with one crosshair. */
export class MarketChart {
  readonly #container: HTMLElement;
  readonly #chart: IChartApi;
  readonly #lines: { name: LineName; tone: LineTone; series: ISeriesApi<"Baseline"> }[];
  #price: PriceSeries;
  #chartType: ChartType = "candles";
  #slots: number[] = [];
  #targets: { price: number; line: IPriceLine }[] = [];
  #closes = new Map<number, number>();
  /** Time under the pointer, if it was the pointer that moved the crosshair last. */
  #pointerTime: number | null = null;

  /** `onCrosshair` is called with the time, in unix seconds, that the pointer is at. */
  constructor(container: HTMLElement, onCrosshair: (time: number | null) => void) {
    this.#container = container;
    this.#chart = createChart(container, chartOptions(true));
    this.#price = this.#addPriceSeries();
    this.#lines = LINE_PANES.map(({ name, tone }, i) => {
      const series = this.#chart.addSeries(BaselineSeries, lineOptions(tone), i + 1);
      series.priceScale().applyOptions({ scaleMargins: { top: HEADING_SHARE, bottom: 0.06 } });
      return { name, tone, series };
    });
    this.#chart.panes().forEach((pane, i) => pane.setStretchFactor(i === 0 ? PRICE_HEIGHT : LINE_HEIGHT));
    this.#chart.subscribeCrosshairMove(({ sourceEvent, point, logical }) => {
      // Also called for positions that were set by `showCrosshair`.
      if (!sourceEvent) return;
      const slot = logical === undefined ? undefined : this.#slots[Math.round(logical)];
      this.#pointerTime = (point && slot) ?? null;
      onCrosshair(this.#pointerTime);
    });
  }

  /** Those of the style sheet as it is now. */
  applyColors(): void {
    this.#chart.applyOptions(chartColors());
    this.#price.applyOptions(this.#chartType === "area" ? areaOptions() : candlestickOptions());
    for (const { series, tone } of this.#lines) series.applyOptions(lineOptions(tone));
    for (const { line } of this.#targets) line.applyOptions(targetOptions());
    drawNow(this.#chart);
  }

  update({ candles, step, chartType, lines, targets }: ChartData): void {
    if (chartType !== this.#chartType) this.#replacePriceSeries(chartType);
    this.#slots = slotsOf(timeRangeOf(candles, step));
    this.#closes = new Map(candles.map((candle) => [candle.time, candle.close]));
    this.#setPrice(candles);
    this.#setTargets(targets);
    for (const { name, series } of this.#lines) {
      const priceRange = lineExtent(this.#slots.map((slot) => lines[name].get(slot)));
      series.applyOptions({ autoscaleInfoProvider: () => priceRange && { priceRange } });
      series.setData(toLineData(lines[name], this.#slots));
    }
    this.#chart.timeScale().setVisibleLogicalRange({ from: -0.5, to: this.#slots.length - 0.5 });
    this.#translateLogo();
  }

  /** The library names its link in English, and anew whenever it draws it. */
  #translateLogo(): void {
    const logo = this.#container.querySelector<HTMLElement>("#tv-attr-logo");
    if (logo) logo.title = t.value.charts.attribution;
  }

  /** Moves the crosshair in all panes, unless the pointer has just done so. */
  showCrosshair(time: number | null): void {
    if (time === this.#pointerTime) return;
    this.#pointerTime = null;
    const close = time === null ? undefined : this.#closes.get(time);
    if (time === null || close === undefined) this.#chart.clearCrosshairPosition();
    else this.#chart.setCrosshairPosition(close, toChartTime(time), this.#price);
  }

  remove(): void {
    this.#chart.remove();
  }

  #addPriceSeries(): PriceSeries {
    return this.#chartType === "area"
      ? this.#chart.addSeries(AreaSeries, areaOptions())
      : this.#chart.addSeries(CandlestickSeries, candlestickOptions());
  }

  #replacePriceSeries(chartType: ChartType): void {
    const previous = this.#price;
    this.#chartType = chartType;
    this.#price = this.#addPriceSeries();
    // After the new one was added, because the library removes a pane without series.
    this.#chart.removeSeries(previous);
    this.#targets = [];
  }

  /** Only what changed: the lines of a price series go with it. */
  #setTargets(targets: readonly number[]): void {
    const kept = this.#targets.filter(({ price }) => targets.includes(price));
    for (const target of this.#targets) if (!kept.includes(target)) this.#price.removePriceLine(target.line);
    const added = targets
      .filter((price) => !kept.some((target) => target.price === price))
      .map((price) => ({ price, line: this.#price.createPriceLine({ ...targetOptions(), price }) }));
    this.#targets = [...kept, ...added];
  }

  #setPrice(candles: ChartCandle[]): void {
    const decimals = priceDecimals(candles.at(-1)?.close ?? 0);
    this.#price.applyOptions({
      priceFormat: {
        type: "custom",
        minMove: 10 ** -decimals,
        formatter: (value: number) => fixed(value, decimals),
        tickmarksFormatter: priceLabels,
      },
    });
    const byTime = new Map(candles.map((candle) => [candle.time, candle]));
    if (this.#chartType === "area") {
      const points = this.#slots.map((slot) => {
        const candle = byTime.get(slot);
        return candle ? { time: toChartTime(slot), value: candle.close } : { time: toChartTime(slot) };
      });
      (this.#price as ISeriesApi<"Area">).setData(points);
    } else {
      const points = this.#slots.map((slot) => ({ ...byTime.get(slot), time: toChartTime(slot) }));
      (this.#price as ISeriesApi<"Candlestick">).setData(points);
    }
  }
}
