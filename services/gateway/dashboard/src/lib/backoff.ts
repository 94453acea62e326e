/**
 * How long to wait after the n-th failure in a row (n ≥ 1): doubling from `base` up to `max`, with
 * the upper half random, so that many pages do not return in step after an outage.
 */
export function backoff(failures: number, random: number, base = 1_000, max = 30_000): number {
  const ceiling = Math.min(max, base * 2 ** Math.max(0, failures - 1));
  return Math.round(ceiling * (0.5 + 0.5 * random));
}
