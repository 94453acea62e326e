import type { JSX } from "preact";
import { Meanings } from "../components/meanings.tsx";
import { Problem } from "../components/problem.tsx";
import { TileGroup } from "../components/tile.tsx";
import type { Poller } from "../lib/poller.ts";
import { clock } from "../lib/format.ts";
import { candles, liveCandles, stats } from "../state/asset.ts";
import { selectedQuote } from "../state/market.ts";
import { RANGES, ticker, range } from "../state/selection.ts";
import { isShownInBanner } from "./poller-status.tsx";
import { CONFIDENCE, liveTiles, returnTiles, type AssetNumbers } from "./tiles.tsx";

const CANDLE: Record<string, string> = { "1m": "1-minute", "5m": "5-minute", "1h": "1-hour", "1d": "1-day" };

const MINUTE_MS = 60_000;

/** The asset's numbers: above those that end with the live price, below those that end with a closed candle. */
export function Kpis(): JSX.Element {
  const loaded = stats.data.value;
  const error = stats.error.value;
  const numbers: AssetNumbers = {
    range: range.value,
    quote: selectedQuote.value,
    candles: liveCandles.value,
    stats: loaded,
  };
  const { description } = RANGES[range.value];
  const isPending = (of: Poller<unknown>): boolean => of.data.value === null && of.error.value === null;
  const name = `Statistics of ${ticker.value} over ${description}`;
  return (
    <div class="kpis" aria-busy={isPending(stats) || isPending(candles)}>
      <TileGroup
        caption={`Last ${description}, with the live price`}
        label={name}
        tiles={liveTiles(numbers)}
        isLoading={isPending(candles)}
      />
      {loaded === null && error && !isShownInBanner(stats) ? (
        <div class="tile-group">
          <Problem error={error} onRetry={() => stats.refresh()} />
        </div>
      ) : (
        <TileGroup
          caption={returnsCaption(description)}
          label={`${name}, from returns`}
          tiles={returnTiles(numbers)}
          isLoading={loaded === null}
        />
      )}
      <Meanings entries={[...liveTiles(numbers), ...returnTiles(numbers), CONFIDENCE]} />
    </div>
  );
}

function returnsCaption(description: string): string {
  const loaded = stats.data.value;
  const candles = `Closed ${CANDLE[loaded?.interval ?? ""] ?? loaded?.interval ?? ""} candles of ${description}`;
  if (!loaded?.as_of) return candles;
  // The time of the candle's last price, shortly before the end that it stands for.
  const end = Math.ceil(Date.parse(loaded.as_of) / MINUTE_MS) * MINUTE_MS;
  return `${candles}, as of ${clock(end)}`;
}
