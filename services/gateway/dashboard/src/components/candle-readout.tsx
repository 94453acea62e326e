import type { Signal } from "@preact/signals";
import type { JSX } from "preact";
import { readingOf } from "../i18n/candle.ts";
import type { ChartCandle } from "../lib/candles.ts";

interface Props {
  candles: ChartCandle[];
  crosshair: Signal<number | null>;
}

/** The candle under the crosshair in numbers. */
export function CandleReadout({ candles, crosshair }: Props): JSX.Element | null {
  const candle = candles.find(({ time }) => time === crosshair.value);
  return candle ? <span class="readout">{readingOf(candle)}</span> : null;
}
