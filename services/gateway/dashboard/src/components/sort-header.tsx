import type { JSX } from "preact";
import type { Sort, SortColumn } from "../lib/alert-list.ts";

interface Props {
  column: SortColumn;
  label: string;
  sort: Sort | null;
  onSort: (column: SortColumn) => void;
  class?: string;
}

/** The head of a column that sorts the table. */
export function SortHeader({ column, label, sort, onSort, class: name = "" }: Props): JSX.Element {
  const own = sort?.column === column ? sort : null;
  return (
    <th scope="col" class={name} aria-sort={own ? (own.descending ? "descending" : "ascending") : "none"}>
      <button type="button" class="sort" onClick={() => onSort(column)}>
        {label}
        <span class="arrow" aria-hidden="true">
          {own ? (own.descending ? "↓" : "↑") : ""}
        </span>
      </button>
    </th>
  );
}
