import { useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { Maybe } from "../api/types.ts";
import { isKnown } from "../lib/format.ts";
import { AXIS_WIDTH, FONT_SIZE, color, fontFamily, crosshairTime, moveByKey, type TimeRange } from "./crosshair.ts";

const HEIGHT = 112;

interface Props {
  /** Unix seconds, ascending. */
  times: number[];
  values: Maybe[];
  frame: TimeRange;
  tone: "accent" | "down";
  format: (value: number) => string;
  label: string;
}

/** A line below the price chart, on the same time axis and with the same crosshair. */
export function LineChart({ times, values, frame, tone, format, label }: Props): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef({ times, format });
  latest.current = { times, format };

  useEffect(() => {
    const container = box.current;
    if (!container) return;
    const settings = options(
      container.clientWidth,
      tone,
      (value) => latest.current.format(value),
      (index) => {
        crosshairTime.value = index === null ? null : (latest.current.times[index] ?? null);
      },
    );
    const made = new uPlot(settings, [[], []], container);
    plot.current = made;
    const resized = new ResizeObserver(() => made.setSize({ width: container.clientWidth, height: HEIGHT }));
    resized.observe(container);
    return () => {
      resized.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [tone]);

  useEffect(() => {
    const made = plot.current;
    if (!made) return;
    made.batch(() => {
      made.setData([times, values], false);
      made.setScale("x", { min: frame.first - frame.step / 2, max: frame.last + frame.step / 2 });
      made.setScale("y", extent(values));
    });
  }, [times, values, frame.first, frame.last, frame.step, tone]);

  useSignalEffect(() => {
    const time = crosshairTime.value;
    const made = plot.current;
    if (!made) return;
    const index = time === null ? -1 : times.indexOf(time);
    const left = time === null ? -10 : made.valToPos(time, "x");
    const value = index < 0 ? null : values[index];
    made.setCursor({ left, top: value == null ? -10 : made.valToPos(value, "y") }, false);
  });

  return (
    <div
      ref={box}
      class="chart line"
      role="img"
      tabIndex={0}
      aria-label={label}
      onKeyDown={(event) => moveByKey(event, frame)}
      onBlur={() => (crosshairTime.value = null)}
    />
  );
}

function extent(values: Maybe[]): { min: number; max: number } {
  const known = values.filter(isKnown);
  if (known.length === 0) return { min: 0, max: 1 };
  const low = Math.min(0, ...known);
  const high = Math.max(0, ...known);
  const room = (high - low || 0.01) * 0.1;
  return { min: low < 0 ? low - room : 0, max: high > 0 ? high + room : 0 };
}

function options(
  width: number,
  tone: Props["tone"],
  format: (value: number) => string,
  point: (index: number | null) => void,
): uPlot.Options {
  const line = color(tone);
  const font = `${FONT_SIZE}px ${fontFamily()}`;
  return {
    width,
    height: HEIGHT,
    padding: [8, 0, 8, 0],
    legend: { show: false },
    // Fires for the reader's own pointer only: positions set by `crosshairTime` are not reported back.
    hooks: { setCursor: [(made) => point((made.cursor.left ?? -1) < 0 ? null : (made.cursor.idx ?? null))] },
    cursor: {
      y: false,
      drag: { x: false, y: false, setScale: false },
      points: { size: 7, width: 2, stroke: line, fill: "#ffffff" },
    },
    scales: { x: { time: true, auto: false }, y: { auto: false } },
    axes: [
      { show: false },
      {
        side: 1,
        size: AXIS_WIDTH,
        gap: 8,
        space: 28,
        font,
        stroke: color("ink-3"),
        ticks: { show: false },
        grid: { stroke: color("line-2"), width: 1 },
        values: (_, splits) => splits.map(format),
      },
    ],
    series: [{}, { stroke: line, width: 1.5, fill: `${line}14`, fillTo: 0, points: { show: false }, spanGaps: false }],
  };
}
