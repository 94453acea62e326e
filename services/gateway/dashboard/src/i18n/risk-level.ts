/** Risk levels in words. */
import type { Monitor, MonitorCheck, RiskCheck } from "../api/types.ts";
import { isKnown } from "../lib/numbers.ts";
import { RELEASE_SHARE, type LevelChange } from "../lib/risk-level.ts";
import { fixed, percent, ratio } from "./format.ts";
import { t } from "./language.ts";

const threshold = (name: RiskCheck, value: number): string =>
  name === "volatility_spike" ? t.value.risk.times(ratio(value)) : percent(value, Number.isInteger(value) ? 0 : 1);

/** Why an asset has its level: one sentence for each check that has it. */
export function explainLevel(monitor: Monitor): string {
  if (monitor.level == null) return t.value.risk.noHistory;
  if (monitor.level === "OK") return t.value.risk.allBelow;
  return monitor.checks
    .filter(({ level, value }) => level === monitor.level && isKnown(value))
    .map(explainCheck)
    .join(" ");
}

function explainCheck({ name, level, value, warning, alert }: MonitorCheck): string {
  const { risk, levels } = t.value;
  const known = value ?? 0;
  const from = level === "Alert" ? alert : warning;
  const shown = name === "volatility_spike" ? risk.times(ratio(known)) : percent(known, 1);
  const begin = [risk.values[name](shown), levels[level ?? "OK"], threshold(name, from)] as const;
  return known >= from ? risk.begins(...begin) : risk.stays(...begin, threshold(name, from * RELEASE_SHARE));
}

const MAX_NAMED = 3;

/** One message for all changes, of which there is at least one: in a crash most assets change at once. */
export function describeChanges(changes: readonly LevelChange[]): string {
  const { risk, levels } = t.value;
  const named = changes
    .slice(0, MAX_NAMED)
    .map(({ symbol, from, to }) => `${symbol}: ${levels[from]} → ${levels[to]}`)
    .join(", ");
  const rest = changes.length - MAX_NAMED;
  return rest > 0 ? risk.changedAndMore(named, fixed(rest, 0)) : risk.changed(named);
}
