import type { ReadonlySignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { UsageSeries } from "../lib/usage.ts";
import { USAGE_HEIGHT, UsageChart } from "./usage-chart.ts";

interface Props {
  series: UsageSeries;
  /** Its name; the colours are the style sheet's. */
  theme: ReadonlySignal<string>;
  label: string;
  /** The day below the pointer, by its index. */
  onPoint: (day: number | null) => void;
}

/** The numbers behind the bars are in the table below it, so the chart itself takes no focus. */
export function UsageChartView({ series, theme, label, onPoint }: Props): JSX.Element {
  const container = useRef<HTMLDivElement>(null);
  const chart = useRef<UsageChart | null>(null);
  const point = useRef(onPoint);
  point.current = onPoint;
  useEffect(() => {
    if (!container.current) return undefined;
    const created = new UsageChart(container.current, (day) => point.current(day));
    chart.current = created;
    return () => {
      created.remove();
      chart.current = null;
    };
  }, []);
  useEffect(() => chart.current?.update(series), [series]);
  // Not by rendering anew, which would be too late for a print.
  useEffect(() => theme.subscribe(() => chart.current?.applyColors()), [theme]);
  return (
    <div ref={container} class="usage-chart" style={{ height: `${USAGE_HEIGHT}px` }} role="img" aria-label={label} />
  );
}
