import { useSignalEffect, type ReadonlySignal, type Signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../i18n/language.ts";
import { timeRangeOf } from "../lib/candles.ts";
import { crosshairAfterKey } from "./crosshair.ts";
import { MarketChart, type ChartData } from "./market-chart.ts";
import { CHART_HEIGHT } from "./panes.ts";

interface Props {
  data: ChartData;
  /** Its name; the colours are the style sheet's. */
  theme: ReadonlySignal<string>;
  /** The time under the crosshair, in unix seconds; pointer and keys write it. */
  crosshair: Signal<number | null>;
  label: string;
  /** Called when a key has moved the crosshair, for screen readers: a moving pointer would make them talk on and on. */
  onKeyMove: (time: number | null) => void;
}

export function MarketChartView({ data, theme, crosshair, label, onKeyMove }: Props): JSX.Element {
  const container = useRef<HTMLDivElement>(null);
  const chart = useRef<MarketChart | null>(null);

  useEffect(() => {
    if (!container.current) return undefined;
    const created = new MarketChart(container.current, (time) => (crosshair.value = time));
    chart.current = created;
    return () => {
      created.remove();
      chart.current = null;
    };
  }, [crosshair]);

  // Not by rendering anew, which would be too late for a print.
  useEffect(() => theme.subscribe(() => chart.current?.applyColors()), [theme]);
  useEffect(() => chart.current?.update(data), [data]);
  useSignalEffect(() => chart.current?.showCrosshair(crosshair.value));

  const onKeyDown = (event: KeyboardEvent): void => {
    const range = timeRangeOf(data.candles, data.step);
    const time = range ? crosshairAfterKey(event.key, crosshair.value, range) : undefined;
    if (time === undefined) return;
    crosshair.value = time;
    onKeyMove(time);
    event.preventDefault();
  };
  const hideCrosshair = (): void => void (crosshair.value = null);

  return (
    <div
      ref={container}
      class="chart"
      style={{ height: `${CHART_HEIGHT}px` }}
      // Screen readers leave the arrow keys to an application. An image would hide the library's link in it.
      role="application"
      aria-roledescription={t.value.charts.role}
      tabIndex={0}
      aria-label={label}
      onKeyDown={onKeyDown}
      onMouseLeave={hideCrosshair}
      onBlur={hideCrosshair}
    />
  );
}
