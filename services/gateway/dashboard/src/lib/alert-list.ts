import type { Alert } from "../api/types.ts";
import { isKnown } from "./numbers.ts";

/** How an alert and its webhook stand, worst first. */
export const STANDINGS = ["failed", "retrying", "blocked", "sending", "armed", "delivered", "fired"] as const;
export type Standing = (typeof STANDINGS)[number];

/** An alert with what the list is searched and sorted by. */
export interface AlertRow {
  alert: Pick<Alert, "id" | "ticker" | "target_price" | "webhook_url" | "is_active" | "created_at" | "triggered_at">;
  /** What it is searched in, in lower case. */
  searchText: string;
  standing: Standing;
  /** Distance of the target from the price in percent; `null` when it fired or there is no price. */
  away: number | null;
}

export type StateFilter = "all" | "armed" | "fired" | "failed";
export type SortColumn = "alert" | "state" | "distance" | "webhook" | "changed";

export interface Sort {
  column: SortColumn;
  descending: boolean;
}

export interface ListView {
  search: string;
  /** Empty for all assets. */
  ticker: string;
  state: StateFilter;
  sort: Sort | null;
}

const COLLATOR = new Intl.Collator("en", { numeric: true });

/** The rows that the view shows, in its order. Without one, failures come first and the rest stays as it is. */
export function arrange<R extends AlertRow>(rows: readonly R[], view: ListView): R[] {
  const words = view.search.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = rows.filter(
    (row) =>
      (view.ticker === "" || row.alert.ticker === view.ticker) && hasState(row, view.state) && matches(row, words),
  );
  const { sort } = view;
  if (sort === null) return shown.sort((a, b) => Number(b.standing === "failed") - Number(a.standing === "failed"));
  const sign = sort.descending ? -1 : 1;
  return shown.sort((a, b) => {
    const [left, right] = [sortValue(a, sort.column), sortValue(b, sort.column)];
    // Not with the sign: what has no value is at the end in both directions.
    if (left === null || right === null) return Number(left === null) - Number(right === null);
    const byValue = typeof left === "number" ? left - Number(right) : COLLATOR.compare(left, String(right));
    return (
      sign * (byValue || (sort.column === "alert" ? Number(a.alert.target_price) - Number(b.alert.target_price) : 0))
    );
  });
}

/** The order after a click on a column: its usual direction first, then the other, then none. */
export function nextSort(sort: Sort | null, column: SortColumn): Sort | null {
  const usual = column === "changed";
  if (sort?.column !== column) return { column, descending: usual };
  return sort.descending === usual ? { column, descending: !usual } : null;
}

function hasState({ alert, standing }: AlertRow, state: StateFilter): boolean {
  switch (state) {
    case "all":
      return true;
    case "armed":
      return alert.is_active;
    case "fired":
      return !alert.is_active;
    case "failed":
      return standing === "failed";
  }
}

function matches({ searchText }: AlertRow, words: string[]): boolean {
  return words.every((word) => searchText.includes(word));
}

function sortValue({ alert, away, standing }: AlertRow, column: SortColumn): string | number | null {
  switch (column) {
    case "alert":
      return alert.ticker;
    case "state":
      return STANDINGS.indexOf(standing);
    case "distance":
      return isKnown(away) ? Math.abs(away) : null;
    case "webhook":
      return alert.webhook_url;
    case "changed":
      return Date.parse(alert.triggered_at ?? alert.created_at);
  }
}
