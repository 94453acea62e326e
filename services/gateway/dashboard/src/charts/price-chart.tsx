import { useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import {
  AreaSeries,
  CandlestickSeries,
  ColorType,
  CrosshairMode,
  LineStyle,
  TickMarkType,
  createChart,
  type IChartApi,
  type ISeriesApi,
  type Time,
  type UTCTimestamp,
} from "lightweight-charts";
import { clock, day, fixed, priceDecimals } from "../lib/format.ts";
import { timeRangeOf, type ChartCandle } from "./candles.ts";
import { AXIS_WIDTH, FONT_SIZE, color, fontFamily, crosshairTime, moveByKey } from "./crosshair.ts";

export type ChartType = "candles" | "area";
type Series = ISeriesApi<"Candlestick"> | ISeriesApi<"Area">;

interface Props {
  bars: ChartCandle[];
  step: number;
  chartType: ChartType;
  label: string;
}

/** The price over time. It shows one fixed range: ranges are chosen, not dragged, so the page scrolls freely. */
export function PriceChart({ bars, step, chartType, label }: Props): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<IChartApi | null>(null);
  const series = useRef<Series | null>(null);
  const latest = useRef({ bars, step });
  latest.current = { bars, step };

  useEffect(() => {
    if (!box.current) return;
    const made = build(box.current);
    chart.current = made;
    made.subscribeCrosshairMove((move) => {
      if (!move.sourceEvent) return;
      const bar = move.logical === undefined ? undefined : latest.current.bars[Math.round(move.logical)];
      crosshairTime.value = move.point && bar ? bar.time : null;
    });
    return () => {
      made.remove();
      chart.current = null;
      series.current = null;
    };
  }, []);

  useEffect(() => {
    if (!chart.current) return;
    if (series.current) chart.current.removeSeries(series.current);
    series.current = addSeries(chart.current, chartType);
  }, [chartType]);

  useEffect(() => {
    if (!chart.current || !series.current) return;
    const decimals = priceDecimals(bars.at(-1)?.close ?? 0);
    series.current.applyOptions({
      priceFormat: {
        type: "custom",
        minMove: 10 ** -decimals,
        formatter: (value: number) => fixed(value, decimals),
      },
    });
    setData(series.current, bars, step);
    chart.current.timeScale().setVisibleLogicalRange({ from: -0.5, to: slots(bars, step) - 0.5 });
  }, [bars, step, chartType]);

  useSignalEffect(() => {
    const time = crosshairTime.value;
    if (!chart.current || !series.current) return;
    const bar = time === null ? undefined : latest.current.bars.find((each) => each.time === time);
    if (bar) chart.current.setCrosshairPosition(bar.close, shifted(bar.time), series.current);
    else chart.current.clearCrosshairPosition();
  });

  return (
    <div
      ref={box}
      class="chart main"
      role="img"
      tabIndex={0}
      aria-label={label}
      onKeyDown={(event) => {
        const frame = timeRangeOf(bars, step);
        if (frame) moveByKey(event, frame);
      }}
      onMouseLeave={() => (crosshairTime.value = null)}
      onBlur={() => (crosshairTime.value = null)}
    />
  );
}

function build(container: HTMLElement): IChartApi {
  const hairline = color("line");
  const label = {
    color: color("ink-3"),
    labelBackgroundColor: color("ink"),
    style: LineStyle.Dotted,
    width: 1,
  } as const;
  return createChart(container, {
    autoSize: true,
    layout: {
      background: { type: ColorType.Solid, color: "transparent" },
      textColor: color("ink-3"),
      fontFamily: fontFamily(),
      fontSize: FONT_SIZE,
      attributionLogo: true,
    },
    grid: { vertLines: { visible: false }, horzLines: { color: color("line-2") } },
    rightPriceScale: {
      borderVisible: false,
      minimumWidth: AXIS_WIDTH,
      entireTextOnly: true,
      scaleMargins: { top: 0.08, bottom: 0.08 },
    },
    timeScale: {
      borderColor: hairline,
      timeVisible: true,
      secondsVisible: false,
      fixLeftEdge: true,
      fixRightEdge: true,
      tickMarkFormatter: (time: Time, mark: TickMarkType) => tick(Number(time), mark),
    },
    crosshair: { mode: CrosshairMode.Magnet, vertLine: label, horzLine: label },
    localization: {
      tickmarksPriceFormatter: axisLabels,
      timeFormatter: (time: Time) => `${day(unshifted(Number(time)))}, ${clock(unshifted(Number(time)))}`,
    },
    handleScroll: false,
    handleScale: false,
  });
}

/** Labels of the price axis with no more decimals than tell them apart. */
function axisLabels(prices: readonly number[]): string[] {
  const gap = Math.min(...prices.slice(1).map((price, i) => Math.abs(price - (prices[i] ?? 0))));
  const decimals = gap > 0 && Number.isFinite(gap) ? Math.min(12, Math.max(0, Math.ceil(-Math.log10(gap)))) : 2;
  return prices.map((price) => fixed(price, decimals));
}

function addSeries(chart: IChartApi, chartType: ChartType): Series {
  const shared = { priceLineStyle: LineStyle.Dotted, priceLineWidth: 1 as const };
  if (chartType === "area")
    return chart.addSeries(AreaSeries, {
      ...shared,
      lineColor: color("accent"),
      lineWidth: 2,
      topColor: "rgb(47 79 216 / 0.14)",
      bottomColor: "rgb(47 79 216 / 0)",
      priceLineColor: color("accent"),
    });
  const [up, down] = [color("up"), color("down")];
  return chart.addSeries(CandlestickSeries, {
    ...shared,
    upColor: "#ffffff",
    borderUpColor: up,
    wickUpColor: up,
    downColor: down,
    borderDownColor: down,
    wickDownColor: down,
  });
}

/** Missing bars stay empty, so that one bar's width is the same time everywhere. */
function setData(series: Series, bars: ChartCandle[], step: number): void {
  const known = new Map(bars.map((bar) => [bar.time, bar]));
  const frame = timeRangeOf(bars, step);
  const times = frame ? Array.from({ length: slots(bars, step) }, (_, i) => frame.first + i * step) : [];
  if (series.seriesType() === "Area") {
    (series as ISeriesApi<"Area">).setData(
      times.map((time) => {
        const bar = known.get(time);
        return bar ? { time: shifted(time), value: bar.close } : { time: shifted(time) };
      }),
    );
  } else {
    (series as ISeriesApi<"Candlestick">).setData(times.map((time) => ({ ...known.get(time), time: shifted(time) })));
  }
}

function slots(bars: ChartCandle[], step: number): number {
  const frame = timeRangeOf(bars, step);
  return frame ? Math.round((frame.last - frame.first) / step) + 1 : 0;
}

/** The chart library draws in UTC; moved times make it draw the reader's own. */
function shifted(seconds: number): UTCTimestamp {
  return (seconds - new Date(seconds * 1000).getTimezoneOffset() * 60) as UTCTimestamp;
}

function unshifted(seconds: number): number {
  const offset = new Date(seconds * 1000).getTimezoneOffset();
  return (seconds + offset * 60) * 1000;
}

function tick(shiftedSeconds: number, mark: TickMarkType): string {
  const time = unshifted(shiftedSeconds);
  return mark === TickMarkType.Time || mark === TickMarkType.TimeWithSeconds ? clock(time) : day(time);
}
