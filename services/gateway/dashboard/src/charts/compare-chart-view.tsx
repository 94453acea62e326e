import type { ReadonlySignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { COMPARE_HEIGHT, CompareChart, type CompareData } from "./compare-chart.ts";

interface Props {
  data: CompareData;
  /** Its name; the colours are the style sheet's. */
  theme: ReadonlySignal<string>;
  label: string;
}

/** The numbers behind the lines are in the table below it, so the chart itself takes no focus. */
export function CompareChartView({ data, theme, label }: Props): JSX.Element {
  const container = useRef<HTMLDivElement>(null);
  const chart = useRef<CompareChart | null>(null);
  useEffect(() => {
    if (!container.current) return undefined;
    const created = new CompareChart(container.current);
    chart.current = created;
    return () => {
      created.remove();
      chart.current = null;
    };
  }, []);
  // Not by rendering anew, which would be too late for a print.
  useEffect(() => theme.subscribe(() => chart.current?.applyColors()), [theme]);
  useEffect(() => chart.current?.update(data), [data]);
  return (
    <div
      ref={container}
      class="compare-chart"
      style={{ height: `${COMPARE_HEIGHT}px` }}
      role="img"
      aria-label={label}
    />
  );
}
