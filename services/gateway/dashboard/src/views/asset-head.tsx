import type { JSX } from "preact";
import { Delta } from "../components/delta.tsx";
import { LevelLine } from "../components/level-line.tsx";
import { LivePrice } from "../components/live-price.tsx";
import { PlusIcon } from "../components/icons.tsx";
import { Segmented } from "../components/segmented.tsx";
import { Tooltip } from "../components/tooltip.tsx";
import { duration, isKnown, price, ratio } from "../lib/format.ts";
import { assetName } from "../lib/assets.ts";
import { now } from "../lib/visibility.ts";
import { isCreating } from "../state/alert-draft.ts";
import { monitorOf, quotes, selectedQuote } from "../state/market.ts";
import { RANGES, RANGE_NAMES, range } from "../state/selection.ts";

const QUALITY = {
  ok: "",
  degraded: "degraded: fewer sources than wanted agree on this price",
  stale: "stale: no provider has answered lately, this is the last known price",
};

export function AssetHead(): JSX.Element {
  const quote = selectedQuote.value;
  if (!quote) return <div class="skeleton head" aria-busy="true" aria-label="Loading the asset" />;
  const monitor = monitorOf(quote.ticker);
  const age = quote.age_ms + Math.max(0, now.value - quotes.receivedAt.value);
  return (
    <div class="asset-head">
      <div>
        <h2>
          {assetName(quote.ticker)} <span class="muted">{quote.ticker}</span>
        </h2>
        <p class="figure">
          <LivePrice value={quote.price} class="large" />
          <Delta value={quote.change_24h} />
          <span class="muted">24 h</span>
        </p>
        <p class="sources">
          {isKnown(quote.confidence) && (
            <Tooltip quiet text="Half of the providers' weight lies within this distance of the price.">
              ±{price(quote.confidence, quote.price)}
              {isKnown(quote.confidence_bps) &&
                ` (${ratio(quote.confidence_bps, quote.confidence_bps < 1 ? 2 : 1)} bps)`}
            </Tooltip>
          )}
          <span>
            {quote.n_sources} {quote.n_sources === 1 ? "source" : "sources"}
          </span>
          <span>{duration(age)} ago</span>
          {quote.quality !== "ok" && (
            <span class={`risk-badge ${quote.quality === "stale" ? "alert" : "warning"}`}>
              <span class="shape" aria-hidden="true" />
              {QUALITY[quote.quality]}
            </span>
          )}
        </p>
        {monitor && <LevelLine monitor={monitor} />}
      </div>
      <div class="actions">
        <Segmented
          label="Window"
          options={RANGE_NAMES.map((value) => ({
            value,
            label: RANGES[value].label,
            title: RANGES[value].description,
          }))}
          value={range.value}
          onChange={(value) => (range.value = value)}
        />
        <button type="button" class="button primary" onClick={() => (isCreating.value = true)}>
          <PlusIcon />
          New alert
        </button>
      </div>
    </div>
  );
}
