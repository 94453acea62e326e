/** What a part of the page shows while its data are on the way, cannot be had, or are old. */
import type { JSX } from "preact";
import { Loading } from "../components/loading.tsx";
import { StaleBadge } from "../components/stale-badge.tsx";
import type { Poller } from "../lib/poller.ts";
import { now } from "../lib/visibility.ts";
import { connection } from "../state/market.ts";

interface LoadingProps {
  of: Poller<unknown>;
  label: string;
  shape?: "block" | "chart-skeleton";
}

export function PollerLoading({ of, ...rest }: LoadingProps): JSX.Element {
  const error = of.error.value;
  return <Loading {...rest} error={isShownInBanner(of) ? null : error} onRetry={() => of.refresh()} />;
}

/** Says that what is shown could not be brought up to date, while only this part is concerned. */
export function PollerStaleBadge({ of }: { of: Poller<unknown> }): JSX.Element | null {
  const error = of.error.value;
  if (!error || of.data.value === null || connection.value === "reconnecting") return null;
  return <StaleBadge ageMs={now.value - of.receivedAt.value} reason={error.message} />;
}

/** A gateway that is gone altogether is reported once, at the top of the page. */
export function isShownInBanner(of: Poller<unknown>): boolean {
  return of.error.value?.isOutage === true && connection.value === "reconnecting";
}
