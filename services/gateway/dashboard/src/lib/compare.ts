import type { ChartCandle } from "./candles.ts";

type Index = Map<number, number>;

/** Closes of two assets as indices that are 100 at the first time that both have. */
export function rebase(one: readonly ChartCandle[], other: readonly ChartCandle[]): [Index, Index] {
  const others = new Map(other.map(({ time, close }) => [time, close]));
  const base = one.find(({ time, close }) => close > 0 && (others.get(time) ?? 0) > 0);
  if (!base) return [new Map<number, number>(), new Map<number, number>()];
  const indexed = (candles: readonly ChartCandle[], from: number): Index =>
    new Map(candles.map(({ time, close }) => [time, (close / from) * 100]));
  return [indexed(one, base.close), indexed(other, others.get(base.time) ?? 1)];
}
