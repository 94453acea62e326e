import {
  createChart,
  LineSeries,
  type IChartApi,
  type ISeriesApi,
  type LineData,
  type WhitespaceData,
} from "lightweight-charts";
import { fixed } from "../i18n/format.ts";
import { isKnown } from "../lib/numbers.ts";
import { slotsOf, type TimeRange } from "../lib/candles.ts";
import { chartColors, chartOptions, compareOptions, percentLabels } from "./chart-options.ts";
import type { Line } from "./line-data.ts";
import { drawNow } from "./theme.ts";
import { toChartTime } from "./time-axis.ts";

export interface CompareData {
  range: TimeRange | null;
  /** Of the selected asset and of the other one. */
  indices: readonly [Line, Line];
  drawdowns: readonly [Line, Line];
}

export const COMPARE_HEIGHT = 360;

/** Two assets from 100 on, and their drawdowns below, on one time axis. */
export class CompareChart {
  readonly #chart: IChartApi;
  readonly #indices: ISeriesApi<"Line">[];
  readonly #drawdowns: ISeriesApi<"Line">[];

  constructor(container: HTMLElement) {
    this.#chart = createChart(container, chartOptions(false));
    const add = (pane: number) => (order: 0 | 1) =>
      this.#chart.addSeries(LineSeries, { ...compareOptions(order), priceFormat: pane === 0 ? INDEX : PERCENT }, pane);
    this.#indices = ([0, 1] as const).map(add(0));
    this.#drawdowns = ([0, 1] as const).map(add(1));
    this.#chart.panes().forEach((pane, i) => pane.setStretchFactor(i === 0 ? 2 : 1));
  }

  /** Those of the style sheet as it is now. */
  applyColors(): void {
    this.#chart.applyOptions(chartColors());
    for (const pane of [this.#indices, this.#drawdowns])
      pane.forEach((series, i) => series.applyOptions(compareOptions(i as 0 | 1)));
    drawNow(this.#chart);
  }

  update({ range, indices, drawdowns }: CompareData): void {
    const slots = slotsOf(range);
    this.#indices.forEach((series, i) => series.setData(toPoints(indices[i as 0 | 1], slots)));
    this.#drawdowns.forEach((series, i) => series.setData(toPoints(drawdowns[i as 0 | 1], slots)));
    this.#chart.timeScale().setVisibleLogicalRange({ from: -0.5, to: slots.length - 0.5 });
  }

  remove(): void {
    this.#chart.remove();
  }
}

const INDEX = { type: "custom", minMove: 0.01, formatter: (value: number) => fixed(value, 1) } as const;
const PERCENT = {
  type: "custom",
  minMove: 0.0001,
  formatter: (value: number) => percentLabels([value])[0] ?? "",
  tickmarksFormatter: percentLabels,
} as const;

function toPoints(line: Line, slots: number[]): (LineData | WhitespaceData)[] {
  return slots.map((slot) => {
    const value = line.get(slot);
    return isKnown(value) ? { time: toChartTime(slot), value } : { time: toChartTime(slot) };
  });
}
