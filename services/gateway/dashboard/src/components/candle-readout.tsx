import type { Signal } from "@preact/signals";
import type { JSX } from "preact";
import type { ChartCandle } from "../lib/candles.ts";
import { clock, day, price } from "../lib/format.ts";

interface Props {
  candles: ChartCandle[];
  crosshair: Signal<number | null>;
}

/** The candle under the crosshair in numbers. */
export function CandleReadout({ candles, crosshair }: Props): JSX.Element | null {
  const candle = candles.find(({ time }) => time === crosshair.value);
  if (!candle) return null;
  const time = candle.time * 1000;
  return (
    <span class="readout" aria-live="off">
      {day(time)}, {clock(time)} · open {price(candle.open)} · high {price(candle.high)} · low {price(candle.low)} ·
      close {price(candle.close)}
    </span>
  );
}
