import assert from "node:assert/strict";
import { test } from "node:test";
import { arrange } from "./watch-order.ts";

const list = ["BTC", "ETH", "ETC", "SOL"].map((ticker) => ({ ticker }));
const NAMES: Record<string, string> = { BTC: "Bitcoin", ETH: "Ethereum", ETC: "Ethereum Classic", SOL: "Solana" };
const found = (search: string, ...favourites: string[]): string[] =>
  arrange(list, search, new Set(favourites), (ticker) => NAMES[ticker] ?? ticker).map(({ ticker }) => ticker);

test("favourites come first, in the order of the list", () => {
  assert.deepEqual(found("", "SOL", "ETC"), ["ETC", "SOL", "BTC", "ETH"]);
  assert.deepEqual(found(""), ["BTC", "ETH", "ETC", "SOL"]);
});

test("search finds tickers and names, whatever their case", () => {
  assert.deepEqual(found(" ethereum "), ["ETH", "ETC"]);
  assert.deepEqual(found("sO"), ["SOL"]);
  assert.deepEqual(found("doge"), []);
});
