import type { JSX } from "preact";
import { duration } from "../lib/format.ts";
import type { Poller } from "../lib/poller.ts";
import { now } from "../lib/visibility.ts";
import { connection } from "../state/market.ts";
import { Problem } from "./problem.tsx";

interface Props {
  of: Poller<unknown>;
  label: string;
  shape?: "block" | "chart-skeleton";
}

/** Stands where data will be: a quiet shape while they load, the reason when they cannot be had. */
export function Loading({ of, label, shape = "block" }: Props): JSX.Element {
  const error = of.error.value;
  // A gateway that is gone altogether is told once, at the top of the page.
  const isShownInBanner = error?.isOutage === true && connection.value === "reconnecting";
  if (error && !isShownInBanner) return <Problem error={error} onRetry={() => of.refresh()} />;
  return <div class={`skeleton ${shape}`} aria-busy="true" aria-label={label} />;
}

/** Says that what is shown could not be brought up to date, while only this part is concerned. */
export function StaleBadge({ of }: { of: Poller<unknown> }): JSX.Element | null {
  const error = of.error.value;
  if (!error || of.data.value === null || connection.value === "reconnecting") return null;
  return (
    <span class="stale-badge" title={error.message}>
      Not updated for {duration(now.value - of.receivedAt.value)}
    </span>
  );
}
