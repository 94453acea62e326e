import type { JSX } from "preact";
import type { ListView, StateFilter } from "../lib/alert-list.ts";
import { SearchIcon } from "./icons.tsx";
import { Segmented } from "./segmented.tsx";

const STATES: { value: StateFilter; label: string }[] = [
  { value: "all", label: "All" },
  { value: "armed", label: "Armed" },
  { value: "fired", label: "Fired" },
  { value: "failed", label: "Failed" },
];

interface Props {
  view: ListView;
  onChange: (change: Partial<ListView>) => void;
  /** The tickers that the alerts are about. */
  tickers: string[];
  /** What is shown of how many, for screen readers too. */
  result: string;
}

/** Search and filters of the list of alerts. */
export function ListTools({ view, onChange, tickers, result }: Props): JSX.Element {
  return (
    <div class="list-tools" role="search" aria-label="Alerts">
      <div class="input search">
        <SearchIcon />
        <input
          type="search"
          name="search"
          aria-label="Search the alerts"
          placeholder="Asset, target or webhook"
          autoComplete="off"
          spellcheck={false}
          value={view.search}
          onInput={(event) => onChange({ search: event.currentTarget.value })}
        />
      </div>
      <select
        name="filter"
        aria-label="Alerts of"
        value={view.ticker}
        onChange={(event) => onChange({ ticker: event.currentTarget.value })}
      >
        <option value="">All assets</option>
        {tickers.map((ticker) => (
          <option key={ticker} value={ticker}>
            {ticker}
          </option>
        ))}
      </select>
      <Segmented label="State" options={STATES} value={view.state} onChange={(state) => onChange({ state })} />
      <span class="note" role="status">
        {result}
      </span>
    </div>
  );
}
