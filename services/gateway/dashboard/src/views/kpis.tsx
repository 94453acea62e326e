import type { JSX } from "preact";
import { Meanings } from "../components/meanings.tsx";
import { Problem } from "../components/problem.tsx";
import { TileGroup } from "../components/tile.tsx";
import { t } from "../i18n/language.ts";
import type { Poller } from "../lib/poller.ts";
import { clock } from "../i18n/format.ts";
import { candles, liveCandles, stats } from "../state/asset.ts";
import { selectedQuote } from "../state/market.ts";
import { ticker, range } from "../state/selection.ts";
import { isShownInBanner } from "./poller-status.tsx";
import { liveTiles, returnTiles, type AssetNumbers } from "./tiles.tsx";

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
  const { numbers: texts, windows } = t.value;
  const window = windows[range.value].long;
  const isPending = (of: Poller<unknown>): boolean => of.data.value === null && of.error.value === null;
  const asset = ticker.value ?? "";
  return (
    <div class="kpis" aria-busy={isPending(stats) || isPending(candles)}>
      <TileGroup
        caption={texts.live(window)}
        label={texts.label(asset, window)}
        tiles={liveTiles(numbers)}
        isLoading={isPending(candles)}
      />
      {loaded === null && error && !isShownInBanner(stats) ? (
        <div class="tile-group">
          <Problem error={error} onRetry={() => stats.refresh()} />
        </div>
      ) : (
        <TileGroup
          caption={returnsCaption(window)}
          label={texts.returnsLabel(asset, window)}
          tiles={returnTiles(numbers)}
          isLoading={loaded === null}
        />
      )}
      <Meanings entries={[...liveTiles(numbers), ...returnTiles(numbers), texts.confidence]} />
    </div>
  );
}

function returnsCaption(window: string): string {
  const { asOf, numbers } = t.value;
  const loaded = stats.data.value;
  const candles = numbers.closed(numbers.candles[loaded?.interval ?? "1h"], window);
  if (!loaded?.as_of) return candles;
  // The time of the candle's last price, shortly before the end that it stands for.
  const end = Math.ceil(Date.parse(loaded.as_of) / MINUTE_MS) * MINUTE_MS;
  return `${candles}, ${asOf(clock(end))}`;
}
