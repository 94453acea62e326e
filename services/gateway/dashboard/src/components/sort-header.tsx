import type { JSX } from "preact";

interface Props<C extends string> {
  column: C;
  label: string;
  sort: { column: C; descending: boolean } | null;
  onSort: (column: C) => void;
  class?: string;
}

/** The head of a column that sorts the table. */
export function SortHeader<C extends string>({ column, label, sort, onSort, class: name = "" }: Props<C>): JSX.Element {
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
