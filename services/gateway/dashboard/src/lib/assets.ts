import names from "virtual:asset-names";

const order = new Map(Object.keys(names).map((ticker, position) => [ticker, position]));

/** In the order of deploy/assets.toml; other assets last, alphabetically. */
export function byRank(a: { ticker: string }, b: { ticker: string }): number {
  const position = (ticker: string): number => order.get(ticker) ?? order.size;
  return position(a.ticker) - position(b.ticker) || (a.ticker < b.ticker ? -1 : 1);
}

/** The asset's name, such as "Bitcoin"; its ticker when none is known. */
export const assetName = (ticker: string): string => names[ticker] ?? ticker;
