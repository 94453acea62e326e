/** Favourites of the account on this device. Like everything else of a session they end with a sign-out. */
import { effect, signal } from "@preact/signals";
import { readStorage, writeStorage } from "../lib/storage.ts";
import { account, onSignOut, PREFIX } from "./session.ts";

export const favourites = signal<ReadonlySet<string>>(new Set());
/** What was typed to find an asset in the watch list. */
export const search = signal("");

const storageKey = (id: string): string => `${PREFIX}favourites.${id}`;

export function toggleFavourite(ticker: string): void {
  const next = new Set(favourites.peek());
  if (!next.delete(ticker)) next.add(ticker);
  favourites.value = next;
  const id = account.peek();
  if (id !== null) writeStorage("localStorage", storageKey(id), [...next].join(","));
}

export function startFavourites(): void {
  effect(() => {
    const id = account.value;
    const stored = id === null ? null : readStorage("localStorage", storageKey(id));
    favourites.value = new Set(stored ? stored.split(",") : []);
  });
}

onSignOut(() => (search.value = ""));
