import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { Correlation } from "../api/types.ts";
import { t } from "../i18n/language.ts";
import { assetName } from "../lib/assets.ts";
import { correlationColor } from "../lib/correlation-color.ts";
import { DASH, ratio } from "../i18n/format.ts";
import { isKnown } from "../lib/numbers.ts";

/** A grid with arrow-key navigation; the selected pair is described below it. */
export function CorrelationGrid({ data }: { data: Correlation }): JSX.Element {
  const at = useSignal<[row: number, column: number]>([1, 0]);
  const pointed = useSignal(false);
  const { symbols, matrix } = data;
  const last = symbols.length - 1;

  const onKeyDown = (event: KeyboardEvent): void => {
    const moves: Record<string, [number, number]> = {
      ArrowUp: [-1, 0],
      ArrowDown: [1, 0],
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    const inside = (n: number): number => Math.min(last, Math.max(0, n));
    const [row, column] = [inside(at.value[0] + move[0]), inside(at.value[1] + move[1])];
    at.value = [row, column];
    const table = event.currentTarget as HTMLElement;
    table.querySelector<HTMLElement>(`[data-at="${row}-${column}"]`)?.focus();
  };

  return (
    <>
      <div class="table-scroll">
        <table
          class="correlation-grid"
          role="grid"
          aria-label={t.value.correlation.grid}
          style={{ minWidth: `${48 + symbols.length * 38}px` }}
          onKeyDown={onKeyDown}
        >
          <thead>
            <tr>
              <td />
              {symbols.map((symbol) => (
                <th key={symbol} scope="col">
                  {symbol}
                </th>
              ))}
            </tr>
          </thead>
          <tbody onMouseLeave={() => (pointed.value = false)}>
            {symbols.map((symbol, row) => (
              <tr key={symbol}>
                <th scope="row">{symbol}</th>
                {symbols.map((other, column) => {
                  const value = matrix[row]?.[column];
                  const active = at.value[0] === row && at.value[1] === column;
                  return (
                    <td
                      key={other}
                      role="gridcell"
                      data-at={`${row}-${column}`}
                      tabIndex={active ? 0 : -1}
                      style={row === column || !isKnown(value) ? {} : correlationColor(value)}
                      class={row === column ? "self" : ""}
                      aria-label={t.value.correlation.cell(symbol, other, ratio(value))}
                      onFocus={() => {
                        at.value = [row, column];
                        pointed.value = true;
                      }}
                      onMouseEnter={() => {
                        at.value = [row, column];
                        pointed.value = true;
                      }}
                      onBlur={() => (pointed.value = false)}
                    >
                      {isKnown(value) ? ratio(value) : DASH}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="correlation-caption">
        {pointed.value ? describePair(data, ...at.value) : t.value.correlation.returns(data.n_overlap)}
      </p>
    </>
  );
}

function describePair({ symbols, matrix }: Correlation, row: number, column: number): string {
  const { correlation } = t.value;
  const [one, other] = [assetName(symbols[row] ?? ""), assetName(symbols[column] ?? "")];
  if (row === column) return correlation.itself(one);
  const value = matrix[row]?.[column];
  if (!isKnown(value)) return correlation.tooFew(one, other);
  const size = Math.abs(value);
  const strength = size >= 0.8 ? "closely" : size >= 0.5 ? "mostly" : size >= 0.2 ? "somewhat" : null;
  if (strength === null) return correlation.independent(one, other, ratio(value));
  return (value > 0 ? correlation.together : correlation.against)[strength](one, other, ratio(value));
}
