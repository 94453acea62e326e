import type { JSX } from "preact";
import type { Quote } from "../api/types.ts";
import { Delta } from "../components/delta.tsx";
import { SearchIcon, StarIcon } from "../components/icons.tsx";
import { LivePrice } from "../components/live-price.tsx";
import { RiskBadge } from "../components/risk-badge.tsx";
import { Problem } from "../components/problem.tsx";
import { Sparkline } from "../components/sparkline.tsx";
import { t } from "../i18n/language.ts";
import { assetName } from "../lib/assets.ts";
import { direction } from "../lib/numbers.ts";
import { arrange } from "../lib/watch-order.ts";
import { liveSparkline } from "../lib/window-stats.ts";
import { favourites, search } from "../state/favourites.ts";
import { monitorOf, quotes, sparklines } from "../state/market.ts";
import { tab, ticker } from "../state/selection.ts";

export function WatchList(): JSX.Element {
  const { markets } = t.value;
  const all = quotes.data.value;
  const list = all && arrange(all, search.value, favourites.value, assetName);
  // The selected asset may not be among those that were found.
  const entry = Math.max(0, list?.findIndex((quote) => quote.ticker === ticker.value) ?? 0);
  return (
    <nav class="watch" aria-labelledby="watch-title">
      <header>
        <h2 id="watch-title">{markets.title}</h2>
        {all && all.length > 0 && <span class="note">{all.length}</span>}
      </header>
      {all && all.length > 0 && (
        <div class="input search" role="search" aria-label={markets.assets}>
          <SearchIcon />
          <input
            type="search"
            name="asset"
            aria-label={markets.search}
            placeholder={markets.searchPlaceholder}
            autoComplete="off"
            spellcheck={false}
            value={search.value}
            onInput={(event) => (search.value = event.currentTarget.value)}
          />
        </div>
      )}
      {list === null ? (
        quotes.error.value && !quotes.error.value.isOutage ? (
          <Problem error={quotes.error.value} onRetry={() => quotes.refresh()} />
        ) : (
          <Skeleton />
        )
      ) : all?.length === 0 ? (
        <p class="empty">{markets.noPrices}</p>
      ) : list.length === 0 ? (
        <p class="empty" role="status">
          {markets.noMatch(search.value)}
        </p>
      ) : (
        <ul role="listbox" aria-label={markets.list} onKeyDown={(event) => onKey(event, list)}>
          {list.map((quote, i) => (
            <Row key={quote.ticker} quote={quote} isEntry={i === entry} />
          ))}
        </ul>
      )}
    </nav>
  );
}

function onKey(event: KeyboardEvent, list: Quote[]): void {
  const at = list.findIndex((quote) => quote.ticker === ticker.value);
  const last = list.length - 1;
  const to: Record<string, number> = {
    ArrowDown: Math.min(last, at + 1),
    ArrowUp: Math.max(0, at - 1),
    Home: 0,
    End: last,
  };
  const next = to[event.key];
  if (next !== undefined) {
    event.preventDefault();
    const wanted = list[next]?.ticker ?? null;
    ticker.value = wanted;
    const options = (event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>("[role=option]");
    options[next]?.focus();
  } else if (event.key === "Enter") tab.value = "asset";
}

function Row({ quote, isEntry }: { quote: Quote; isEntry: boolean }): JSX.Element {
  const chosen = ticker.value === quote.ticker;
  return (
    <li
      role="option"
      aria-selected={chosen}
      tabIndex={isEntry ? 0 : -1}
      data-ticker={quote.ticker}
      class={quote.quality === "stale" ? "stale" : ""}
      onClick={() => {
        ticker.value = quote.ticker;
        tab.value = "asset";
      }}
    >
      <div class="asset">
        <span class="ticker-line">
          <span class="ticker">{quote.ticker}</span>
          {favourites.value.has(quote.ticker) && (
            <span class="star on">
              <StarIcon filled />
              <span class="visually-hidden">{t.value.markets.favourite}</span>
            </span>
          )}
          <RiskBadge level={monitorOf(quote.ticker)?.level ?? null} />
        </span>
        <span class="name">{assetName(quote.ticker)}</span>
      </div>
      <Sparkline
        values={liveSparkline(sparklines.value[quote.ticker], quote.price)}
        direction={direction(quote.change_24h)}
      />
      <div class="value">
        <LivePrice value={quote.price} />
        <Delta value={quote.change_24h} />
        {quote.quality === "stale" && <span class="visually-hidden">{t.value.markets.stale}</span>}
      </div>
    </li>
  );
}

function Skeleton(): JSX.Element {
  return (
    <div role="progressbar" aria-label={t.value.markets.loading}>
      {[0, 1, 2, 3, 4].map((row) => (
        <div key={row} class="skeleton row" />
      ))}
    </div>
  );
}
