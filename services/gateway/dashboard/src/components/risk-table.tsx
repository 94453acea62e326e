import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useId } from "preact/hooks";
import { DASH, minute, percent, ratio } from "../i18n/format.ts";
import { t } from "../i18n/language.ts";
import { sortRows, type Column, type RiskRow } from "../lib/risk-table.ts";
import { RiskBadge } from "./risk-badge.tsx";
import { SortHeader } from "./sort-header.tsx";

interface Props {
  rows: RiskRow[];
  selected: string | null;
  onSelect: (symbol: string) => void;
}

const COLUMNS: { name: Column; isNumber: boolean }[] = [
  { name: "symbol", isNumber: false },
  { name: "level", isNumber: false },
  { name: "price_drop", isNumber: true },
  { name: "volatility_spike", isNumber: true },
  { name: "drawdown", isNumber: true },
];

/** Rows that are shown at first: the worst of a long list, so that what stands below it is not pushed far away. */
const FIRST_ROWS = 8;

/** What the first click on a column shows first: the worst. */
const STARTS_DESCENDING: ReadonlySet<Column> = new Set(["level", "volatility_spike"]);

export function RiskTable({ rows, selected, onSelect }: Props): JSX.Element {
  const by = useSignal<Column>("level");
  const isDescending = useSignal(true);
  const isWhole = useSignal(false);
  const id = useId();
  const sorted = sortRows(rows, by.value, isDescending.value);
  const sort = (column: Column): void => {
    isDescending.value = by.value === column ? !isDescending.value : STARTS_DESCENDING.has(column);
    by.value = column;
  };
  return (
    <>
      <div class="table-scroll">
        <table class="risk-table" id={id}>
          <thead>
            <tr>
              {COLUMNS.map(({ name, isNumber }) => (
                <SortHeader
                  key={name}
                  column={name}
                  label={t.value.risk.columns[name]}
                  sort={{ column: by.value, descending: isDescending.value }}
                  onSort={sort}
                  class={isNumber ? "number" : ""}
                />
              ))}
              <th scope="col" class="since">
                {t.value.risk.since}
              </th>
            </tr>
          </thead>
          <tbody>
            {(isWhole.value ? sorted : sorted.slice(0, FIRST_ROWS)).map((row) => (
              <tr key={row.symbol} class={row.symbol === selected ? "selected" : ""}>
                <th scope="row">
                  <button type="button" class="link" onClick={() => onSelect(row.symbol)}>
                    {row.symbol}
                  </button>
                </th>
                <td>
                  <RiskBadge level={row.level} />
                </td>
                <td class="number">{percent(row.price_drop, 1)}</td>
                <td class="number">{row.volatility_spike === null ? DASH : `${ratio(row.volatility_spike)}×`}</td>
                <td class="number">{percent(row.drawdown, 1)}</td>
                <td class="since">{row.level && minute(row.since)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {sorted.length > FIRST_ROWS && (
        <button
          type="button"
          class="button more"
          aria-expanded={isWhole.value}
          aria-controls={id}
          onClick={() => (isWhole.value = !isWhole.value)}
        >
          {isWhole.value ? t.value.risk.showFirst(FIRST_ROWS) : t.value.risk.showAll(sorted.length)}
        </button>
      )}
    </>
  );
}
