import type { ComponentChildren, JSX } from "preact";

export interface Column<R> {
  /** The class of its cells. */
  name: string;
  label: string;
  cell: (row: R) => ComponentChildren;
}

interface Props<R> {
  label: string;
  /** The first one names the row, the last one may hold what can be done with it. */
  columns: readonly Column<R>[];
  rows: readonly R[];
  keyOf: (row: R) => string;
  /** Stays a table where there is little room. */
  isNarrow?: boolean;
}

/**
 * A table that becomes a list of cards where it has too little room. The roles are written out, because a table that is
 * not displayed as one loses them in some browsers.
 */
export function DataTable<R>({ label, columns, rows, keyOf, isNarrow = false }: Props<R>): JSX.Element {
  return (
    <div class="data-table-box">
      <table class={`data-table ${isNarrow ? "" : "cards"}`} role="table" aria-label={label}>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map((column) => (
              <th key={column.name} scope="col" role="columnheader" class={column.name}>
                {column.name === "actions" ? <span class="visually-hidden">{column.label}</span> : column.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row) => (
            <tr key={keyOf(row)} role="row" data-row={keyOf(row)}>
              {columns.map((column, i) =>
                i === 0 ? (
                  <th key={column.name} scope="row" role="rowheader" class={column.name}>
                    {column.cell(row)}
                  </th>
                ) : (
                  <td
                    key={column.name}
                    role="cell"
                    class={column.name}
                    data-label={column.name === "actions" ? undefined : column.label}
                  >
                    {column.cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
