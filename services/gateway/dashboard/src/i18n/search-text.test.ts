import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { language } from "./language.ts";
import { searchText } from "./search-text.ts";

afterEach(() => (language.value = "en"));

const alert = {
  ticker: "ETH",
  condition: "lt" as const,
  target_price: "1234.5",
  webhook_url: "https://Hooks.example.org/b",
};

test("alert is found by its asset, its target as it is shown and as it is typed, and its webhook", () => {
  const text = searchText(alert, "Ethereum");
  for (const word of ["eth", "ethereum", "below", "$1,234.50", "1234.5", "hooks.example"])
    assert.ok(text.includes(word));
});

test("search is in the language of the page", () => {
  searchText(alert, "Ethereum");
  language.value = "ru";
  const text = searchText(alert, "Ethereum");
  for (const word of ["ниже", "1\u00a0234,50"]) assert.ok(text.includes(word));
  assert.ok(!text.includes("below"));
});
