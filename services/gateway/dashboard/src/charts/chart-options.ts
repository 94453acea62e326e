import {
  ColorType,
  CrosshairMode,
  LineStyle,
  type AreaSeriesPartialOptions,
  type BaselineSeriesPartialOptions,
  type CandlestickSeriesPartialOptions,
  type ChartOptions,
  type CreatePriceLineOptions,
  type DeepPartial,
  type LineSeriesPartialOptions,
} from "lightweight-charts";
import { fixed, fraction } from "../i18n/format.ts";
import { locale, t } from "../i18n/language.ts";
import { TIME_AXIS_HEIGHT, type LineTone } from "./panes.ts";
import { color, fontFamily, fontSize, PRICE_SCALE_WIDTH, translucent } from "./theme.ts";
import { crosshairLabel, tickLabel } from "./time-axis.ts";

/** No panning and zooming: a chart that takes the wheel or a swipe keeps the page from scrolling. The library's logo is shown once. */
export function chartOptions(hasLogo: boolean): DeepPartial<ChartOptions> {
  const crosshairLine = { style: LineStyle.Dotted, width: 1 } as const;
  return {
    autoSize: true,
    layout: {
      background: { type: ColorType.Solid, color: "transparent" },
      fontFamily: fontFamily(),
      fontSize: fontSize(),
      attributionLogo: hasLogo,
      panes: { enableResize: false },
    },
    grid: { vertLines: { visible: false } },
    rightPriceScale: {
      borderVisible: false,
      minimumWidth: PRICE_SCALE_WIDTH,
      entireTextOnly: true,
      scaleMargins: { top: 0.08, bottom: 0.08 },
    },
    timeScale: {
      minimumHeight: TIME_AXIS_HEIGHT,
      timeVisible: true,
      secondsVisible: false,
      fixLeftEdge: true,
      fixRightEdge: true,
      tickMarkFormatter: tickLabel,
    },
    crosshair: { mode: CrosshairMode.Magnet, vertLine: crosshairLine, horzLine: crosshairLine },
    localization: { locale: locale.value, timeFormatter: crosshairLabel },
    handleScroll: false,
    handleScale: false,
  };
}

/** Apart from the other options, because the theme changes while the chart is shown. */
export function chartColors(): DeepPartial<ChartOptions> {
  const line = color("line");
  const crosshairLine = { color: color("ink-3"), labelBackgroundColor: color("overlay") };
  return {
    layout: { textColor: color("ink-3"), panes: { separatorColor: line } },
    grid: { horzLines: { color: color("line-2") } },
    timeScale: { borderColor: line },
    crosshair: { vertLine: crosshairLine, horzLine: crosshairLine },
  };
}

const PRICE_LINE = { priceLineStyle: LineStyle.Dotted, priceLineWidth: 1 } as const;

export function areaOptions(): AreaSeriesPartialOptions {
  const accent = color("accent");
  return {
    ...PRICE_LINE,
    lineColor: accent,
    lineWidth: 2,
    topColor: translucent(accent, 0.14),
    bottomColor: translucent(accent, 0),
    priceLineColor: accent,
  };
}

export function candlestickOptions(): CandlestickSeriesPartialOptions {
  const [up, down] = [color("up"), color("down")];
  return {
    ...PRICE_LINE,
    // By default it has the color of the last body, which is that of the page while the price rises.
    priceLineColor: color("ink-2"),
    upColor: color("page"),
    borderUpColor: up,
    wickUpColor: up,
    downColor: down,
    borderDownColor: down,
    wickDownColor: down,
  };
}

/** One of two compared assets: they differ in style as well as in color. */
export function compareOptions(order: 0 | 1): LineSeriesPartialOptions {
  return {
    color: color(order === 0 ? "accent" : "warn"),
    lineWidth: 2,
    lineStyle: order === 0 ? LineStyle.Solid : LineStyle.Dashed,
    priceLineVisible: false,
    crosshairMarkerRadius: 3,
  };
}

/** The line at the target of an alert. */
export function targetOptions(): Omit<CreatePriceLineOptions, "price"> {
  const tone = color("accent");
  return {
    color: tone,
    lineWidth: 1,
    lineStyle: LineStyle.Dashed,
    axisLabelVisible: true,
    title: t.value.charts.target,
  };
}

/** A line that is filled from zero, on whichever side of it. */
export function lineOptions(tone: LineTone): BaselineSeriesPartialOptions {
  const line = color(tone);
  const fill = translucent(line, 0.08);
  return {
    baseValue: { type: "price", price: 0 },
    lineWidth: 2,
    topLineColor: line,
    topFillColor1: fill,
    topFillColor2: fill,
    bottomLineColor: line,
    bottomFillColor1: fill,
    bottomFillColor2: fill,
    crosshairMarkerRadius: 3,
    crosshairMarkerBorderColor: line,
    crosshairMarkerBackgroundColor: color("page"),
    lastValueVisible: false,
    priceLineVisible: false,
    priceFormat: {
      type: "custom",
      minMove: 0.0001,
      formatter: (value: number) => fraction(value),
      tickmarksFormatter: percentLabels,
    },
  };
}

/** Labels of the price scale with no more decimals than tell them apart. */
export function priceLabels(prices: readonly number[]): string[] {
  const decimals = distinctDecimals(prices);
  return prices.map((price) => fixed(price, decimals));
}

/** The same for fractions as percentages. */
export function percentLabels(fractions: readonly number[]): string[] {
  const decimals = distinctDecimals(fractions.map((value) => value * 100));
  return fractions.map((value) => fraction(value, decimals));
}

const MAX_DECIMALS = 12;

/** The fewest decimals that write the distance of neighbouring values exactly: 2.5 needs one, and 5 none. */
function distinctDecimals(values: readonly number[]): number {
  const gap = Math.min(...values.slice(1).map((value, i) => Math.abs(value - (values[i] ?? 0))));
  if (!(gap > 0) || !Number.isFinite(gap)) return 2;
  const least = Math.max(0, Math.ceil(-Math.log10(gap)));
  for (let decimals = least; decimals < MAX_DECIMALS; decimals++) {
    const scaled = gap * 10 ** decimals;
    if (Math.abs(scaled - Math.round(scaled)) < 1e-6 * scaled) return decimals;
  }
  return Math.min(MAX_DECIMALS, least);
}
