/** Connects the loading state and the stale badge to a poller. */
import type { JSX } from "preact";
import { Loading } from "../components/loading.tsx";
import { StaleBadge } from "../components/stale-badge.tsx";
import { duration } from "../i18n/format.ts";
import { t } from "../i18n/language.ts";
import { problemSummary } from "../i18n/problem.ts";
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

/** Shown when only this poller fails; an outage of the gateway has its own banner. */
export function PollerStaleBadge({ of }: { of: Poller<unknown> }): JSX.Element | null {
  const error = of.error.value;
  if (!error || of.data.value === null || connection.value === "reconnecting") return null;
  return <StaleBadge ageMs={now.value - of.receivedAt.value} reason={problemSummary(error)} />;
}

/** What the page does about a failure. */
export function retryText(of: Poller<unknown>): string {
  const wait = (of.retryAt.value ?? 0) - now.value;
  return wait > 0 ? t.value.loading.retryIn(duration(wait)) : t.value.loading.retryNow;
}

/** An outage of the gateway is reported once, in the banner at the top. */
export function isShownInBanner(of: Poller<unknown>): boolean {
  return of.error.value?.isOutage === true && connection.value === "reconnecting";
}
