import type { JSX } from "preact";
import { t } from "../i18n/language.ts";
import type { ListView, StateFilter } from "../lib/alert-list.ts";
import { SearchInput } from "./search-input.tsx";
import { Segmented } from "./segmented.tsx";

const STATES: readonly StateFilter[] = ["all", "armed", "fired", "failed"];

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
  const { alerts, page } = t.value;
  const states = STATES.map((value) => ({ value, label: alerts.filters[value] }));
  return (
    <div class="list-tools" role="search" aria-label={page.alerts}>
      <SearchInput
        name="search"
        label={alerts.search}
        placeholder={alerts.searchPlaceholder}
        value={view.search}
        onInput={(search) => onChange({ search })}
      />
      <select
        name="filter"
        aria-label={alerts.filter}
        value={view.ticker}
        onChange={(event) => onChange({ ticker: event.currentTarget.value })}
      >
        <option value="">{alerts.allAssets}</option>
        {tickers.map((ticker) => (
          <option key={ticker} value={ticker}>
            {ticker}
          </option>
        ))}
      </select>
      <Segmented label={alerts.state} options={states} value={view.state} onChange={(state) => onChange({ state })} />
      <span class="note" role="status">
        {result}
      </span>
    </div>
  );
}
