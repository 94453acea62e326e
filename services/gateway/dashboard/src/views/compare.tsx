import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { CompareChartView } from "../charts/compare-chart-view.tsx";
import { Section } from "../components/section.tsx";
import { TileValue } from "../components/tile.tsx";
import { assetName } from "../lib/assets.ts";
import { timeRangeOf } from "../lib/candles.ts";
import { rebase } from "../lib/compare.ts";
import { fixed } from "../lib/format.ts";
import { drawdownLine } from "../lib/window-stats.ts";
import { liveCandles, stats } from "../state/asset.ts";
import { compared, comparedCandles, comparedQuote, comparedStats, liveComparedCandles } from "../state/compare.ts";
import { selectedQuote, tickers } from "../state/market.ts";
import { range, RANGES, ticker } from "../state/selection.ts";
import { theme } from "../state/theme.ts";
import { PollerLoading, PollerStaleBadge } from "./poller-status.tsx";
import { liveTiles, returnTiles, type AssetNumbers } from "./tiles.tsx";

/** The selected asset beside another one, over the same window. */
export function Compare(): JSX.Element {
  const one = ticker.value;
  const other = compared.value;
  return (
    <Section
      title="Compare"
      class="compare"
      note={<PollerStaleBadge of={comparedCandles} />}
      actions={
        <label class="compare-with">
          {one} with{" "}
          <select
            value={other ?? ""}
            onChange={(event) => (compared.value = event.currentTarget.value || null)}
            aria-label="Compare with"
          >
            <option value="">nothing</option>
            {tickers.value
              .split(",")
              .filter((symbol) => symbol && symbol !== one)
              .map((symbol) => (
                <option key={symbol} value={symbol}>
                  {assetName(symbol)}
                </option>
              ))}
          </select>
        </label>
      }
    >
      {one === null || other === null ? (
        <p class="empty">Choose an asset to see both from 100 on, their drawdowns, and their numbers side by side.</p>
      ) : (
        <Comparison one={one} other={other} />
      )}
    </Section>
  );
}

function Comparison({ one, other }: { one: string; other: string }): JSX.Element {
  const [ours, theirs] = [liveCandles.value, liveComparedCandles.value];
  const { stepSeconds, description } = RANGES[range.value];
  const data = useMemo(
    () => ({
      range: timeRangeOf(ours, stepSeconds),
      indices: rebase(ours, theirs),
      drawdowns: [drawdownLine(ours), drawdownLine(theirs)] as const,
    }),
    [ours, theirs, stepSeconds],
  );
  if (theirs.length === 0) return <PollerLoading of={comparedCandles} label={`Loading ${other}`} />;
  const [first = 100, second = 100] = data.indices.map((index) => [...index.values()].at(-1));
  return (
    <>
      <p class="compare-legend">
        <span class="first">{one}</span>
        <span class="second">{other}</span>
        <span class="muted">{description}, both 100 at the start; drawdown below</span>
      </p>
      <CompareChartView
        data={data}
        theme={theme}
        label={`${assetName(one)} and ${assetName(other)} over ${description} from 100 on: ${one} is at ${fixed(first, 1)}, ${other} at ${fixed(second, 1)}. Their drawdowns below.`}
      />
      <SideBySide
        columns={[
          [one, { range: range.value, quote: selectedQuote.value, candles: ours, stats: stats.data.value }],
          [other, { range: range.value, quote: comparedQuote.value, candles: theirs, stats: comparedStats.data.value }],
        ]}
      />
    </>
  );
}

function SideBySide({ columns }: { columns: [symbol: string, numbers: AssetNumbers][] }): JSX.Element {
  const tiles = columns.map(([, numbers]) => [...liveTiles(numbers), ...returnTiles(numbers)]);
  return (
    <div class="table-scroll">
      <table class="risk-table side-by-side">
        <thead>
          <tr>
            <td />
            {columns.map(([symbol]) => (
              <th key={symbol} scope="col" class="number">
                {symbol}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {(tiles[0] ?? []).map(({ label }, row) => (
            <tr key={label}>
              <th scope="row">{label}</th>
              {tiles.map((column, i) => (
                <td key={columns[i]?.[0]} class="number">
                  {column[row] && <TileValue tile={column[row]} />}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
