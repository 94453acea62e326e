import type { JSX } from "preact";
import type { Quote } from "../api/types.ts";
import { Delta } from "../components/delta.tsx";
import { LevelLine } from "../components/level-line.tsx";
import { LivePrice } from "../components/live-price.tsx";
import { PlusIcon, StarIcon } from "../components/icons.tsx";
import { Segmented } from "../components/segmented.tsx";
import { Tooltip } from "../components/tooltip.tsx";
import { duration, price, ratio } from "../i18n/format.ts";
import { t } from "../i18n/language.ts";
import { isKnown } from "../lib/numbers.ts";
import { assetName } from "../lib/assets.ts";
import { now } from "../lib/visibility.ts";
import { isCreating } from "../state/alert-draft.ts";
import { favourites, toggleFavourite } from "../state/favourites.ts";
import { monitorOf, quotes, selectedQuote } from "../state/market.ts";
import { RANGE_NAMES, range, ticker } from "../state/selection.ts";

/** The same boxes before and after the first response, so that nothing below them moves. */
export function AssetHead(): JSX.Element {
  const { actions, asset, windows } = t.value;
  const quote = selectedQuote.value;
  const symbol = quote?.ticker ?? ticker.value;
  const monitor = symbol === null ? null : monitorOf(symbol);
  return (
    <div class="asset-head" aria-busy={quote === null}>
      <div>
        <h2>
          {symbol === null ? asset.loading : assetName(symbol)} <span class="muted">{symbol}</span>
          {symbol !== null && <Favourite symbol={symbol} />}
        </h2>
        <p class="figure">
          {quote ? (
            <>
              <LivePrice value={quote.price} class="large" />
              <Delta value={quote.change_24h} />
              <span class="muted">{asset.change}</span>
            </>
          ) : (
            <span class="price large">
              <span class="skeleton text" />
            </span>
          )}
        </p>
        <p class="sources">{quote && <Sources quote={quote} />}</p>
        <LevelLine monitor={monitor} />
      </div>
      <div class="actions">
        <Segmented
          label={asset.window}
          options={RANGE_NAMES.map((value) => ({
            value,
            label: windows[value].label,
            title: windows[value].long,
          }))}
          value={range.value}
          onChange={(value) => (range.value = value)}
        />
        <button type="button" class="button primary" onClick={() => (isCreating.value = true)}>
          <PlusIcon />
          {actions.newAlert}
        </button>
      </div>
    </div>
  );
}

function Favourite({ symbol }: { symbol: string }): JSX.Element {
  const { asset } = t.value;
  const isFavourite = favourites.value.has(symbol);
  return (
    <button
      type="button"
      class={isFavourite ? "icon-button star on" : "icon-button star"}
      aria-pressed={isFavourite}
      aria-label={asset.isFavourite(symbol)}
      title={isFavourite ? asset.removeFavourite : asset.addFavourite}
      onClick={() => toggleFavourite(symbol)}
    >
      <StarIcon filled={isFavourite} />
    </button>
  );
}

function Sources({ quote }: { quote: Quote }): JSX.Element {
  const { ago, asset, numbers } = t.value;
  const age = quote.age_ms + Math.max(0, now.value - quotes.receivedAt.value);
  return (
    <>
      {isKnown(quote.confidence) && (
        <Tooltip quiet text={numbers.confidence.about}>
          ±{price(quote.confidence, quote.price)}
          {isKnown(quote.confidence_bps) &&
            ` (${asset.basisPoints(ratio(quote.confidence_bps, quote.confidence_bps < 1 ? 2 : 1))})`}
        </Tooltip>
      )}
      <span>{asset.sources(quote.n_sources)}</span>
      <span>{ago(duration(age))}</span>
      {quote.quality !== "ok" && (
        <span class={`risk-badge ${quote.quality === "stale" ? "alert" : "warning"}`}>
          <span class="shape" aria-hidden="true" />
          {asset.quality[quote.quality]}
        </span>
      )}
    </>
  );
}
