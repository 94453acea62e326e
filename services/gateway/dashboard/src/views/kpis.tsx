import type { ComponentChildren, JSX } from "preact";
import type { Stats } from "../api/types.ts";
import { Delta } from "../components/delta.tsx";
import { Problem } from "../components/problem.tsx";
import { Tooltip } from "../components/tooltip.tsx";
import { currentStats } from "../lib/current-stats.ts";
import { DASH, fraction, isKnown, money, price, ratio, humanize } from "../lib/format.ts";
import { stats } from "../state/asset.ts";
import { selectedQuote } from "../state/market.ts";
import { RANGES, ticker, range } from "../state/selection.ts";
import { isShownInBanner } from "./poller-status.tsx";

type NumberField = {
  [F in keyof Stats]-?: NonNullable<Stats[F]> extends number ? F : never;
}[keyof Stats];

interface Tile {
  field: NumberField;
  label: string;
  about: string;
  show: (value: number) => ComponentChildren;
}

const TILES: Tile[] = [
  {
    field: "change_percent",
    label: "Change",
    about: "Last price against the first of the window.",
    show: (v) => <Delta value={v} />,
  },
  { field: "max_price", label: "High", about: "Highest price of the window.", show: (v) => price(v) },
  { field: "min_price", label: "Low", about: "Lowest price of the window.", show: (v) => price(v) },
  { field: "average_price", label: "Average", about: "Mean of the window's prices.", show: (v) => price(v) },
  {
    field: "annualized_volatility",
    label: "Volatility, annual",
    about: "Standard deviation of the returns, scaled to a year.",
    show: (v) => fraction(v, 1),
  },
  {
    field: "max_drawdown",
    label: "Max drawdown",
    about: "Deepest fall from a running high.",
    show: (v) => fraction(v),
  },
  {
    field: "current_drawdown",
    label: "Drawdown now",
    about: "Distance of the last price from the window's high.",
    show: (v) => fraction(v),
  },
  {
    field: "sharpe_ratio",
    label: "Sharpe",
    about: "Return per unit of volatility, annualised, risk-free rate 0.",
    show: (v) => ratio(v),
  },
  {
    field: "sortino_ratio",
    label: "Sortino",
    about: "Return per unit of downside risk, annualised.",
    show: (v) => ratio(v),
  },
  {
    field: "var_95",
    label: "VaR 95 %",
    about: "Loss in one bar that 5 % of the bars exceeded.",
    show: (v) => fraction(v),
  },
  {
    field: "cvar_95",
    label: "CVaR 95 %",
    about: "Mean loss of those worst 5 % of the bars.",
    show: (v) => fraction(v),
  },
];

export function Kpis(): JSX.Element {
  const quote = selectedQuote.value;
  const loaded = stats.data.value;
  const data = loaded && quote?.ticker === loaded.symbol ? currentStats(loaded, quote) : loaded;
  const error = stats.error.value;
  if (!data && error && !isShownInBanner(stats)) return <Problem error={error} onRetry={() => stats.refresh()} />;
  return (
    <dl
      class="kpis"
      aria-busy={data === null}
      aria-label={`Statistics of ${ticker.value} over ${RANGES[range.value].description}`}
    >
      {TILES.map((tile) => (
        <div key={tile.field}>
          <dt>
            <Tooltip text={tile.about}>{tile.label}</Tooltip>
          </dt>
          <dd>{data ? <Value tile={tile} stats={data} /> : <span class="skeleton text" />}</dd>
        </div>
      ))}
      <div>
        <dt>
          <Tooltip text="Traded in 24 hours, at the venue that knows best.">Volume 24 h</Tooltip>
        </dt>
        <dd>{money(quote?.volume_24h)}</dd>
      </div>
    </dl>
  );
}

/** A number, or a dash with the reason why it is undefined. */
function Value({ tile, stats: data }: { tile: Tile; stats: Stats }): JSX.Element {
  const value = data[tile.field];
  if (isKnown(value)) return <>{tile.show(value)}</>;
  const reason = data.undefined[tile.field];
  return <Tooltip text={reason ? `Not defined: ${humanize(reason)}.` : "Not known yet."}>{DASH}</Tooltip>;
}
