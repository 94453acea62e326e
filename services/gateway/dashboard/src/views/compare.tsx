import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { CompareChartView } from "../charts/compare-chart-view.tsx";
import { Section } from "../components/section.tsx";
import { TileValue } from "../components/tile.tsx";
import { assetName } from "../lib/assets.ts";
import { timeRangeOf } from "../lib/candles.ts";
import { rebase } from "../lib/compare.ts";
import { fixed } from "../i18n/format.ts";
import { language, t } from "../i18n/language.ts";
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
  const { compare } = t.value;
  const one = ticker.value;
  const other = compared.value;
  return (
    <Section
      title={compare.title}
      class="compare"
      note={<PollerStaleBadge of={comparedCandles} />}
      actions={
        <label class="compare-with">
          {compare.with(one ?? "")}{" "}
          <select
            value={other ?? ""}
            onChange={(event) => (compared.value = event.currentTarget.value || null)}
            aria-label={compare.choose}
          >
            <option value="">{compare.nothing}</option>
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
      {one === null || other === null ? <p class="empty">{compare.empty}</p> : <Comparison one={one} other={other} />}
    </Section>
  );
}

function Comparison({ one, other }: { one: string; other: string }): JSX.Element {
  const [ours, theirs] = [liveCandles.value, liveComparedCandles.value];
  const { compare, windows } = t.value;
  const { stepSeconds } = RANGES[range.value];
  const window = windows[range.value].long;
  const data = useMemo(
    () => ({
      range: timeRangeOf(ours, stepSeconds),
      indices: rebase(ours, theirs),
      drawdowns: [drawdownLine(ours), drawdownLine(theirs)] as const,
    }),
    [ours, theirs, stepSeconds],
  );
  if (theirs.length === 0) return <PollerLoading of={comparedCandles} label={compare.loading(other)} />;
  const [first = 100, second = 100] = data.indices.map((index) => [...index.values()].at(-1));
  return (
    <>
      <p class="compare-legend">
        <span class="first">{one}</span>
        <span class="second">{other}</span>
        <span class="muted">{compare.legend(window)}</span>
      </p>
      <CompareChartView
        // The chart keeps what it has drawn, with its numbers and times.
        key={language.value}
        data={data}
        theme={theme}
        label={`${compare.assets(assetName(one), assetName(other), window)} ${compare.indices(one, fixed(first, 1), other, fixed(second, 1))}`}
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
