/** The assets whose ticker or name contains what was typed, favourites first; otherwise in the order they came in. */
export function arrange<Q extends { ticker: string }>(
  list: readonly Q[],
  search: string,
  favourites: ReadonlySet<string>,
  nameOf: (ticker: string) => string,
): Q[] {
  const wanted = search.trim().toLowerCase();
  const found = list.filter(
    ({ ticker }) => ticker.toLowerCase().includes(wanted) || nameOf(ticker).toLowerCase().includes(wanted),
  );
  const isFavourite = ({ ticker }: Q): boolean => favourites.has(ticker);
  return [...found.filter(isFavourite), ...found.filter((each) => !isFavourite(each))];
}
