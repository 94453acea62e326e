import assert from "node:assert/strict";
import { test } from "node:test";
import { arrange, nextSort, type AlertRow, type ListView } from "./alert-list.ts";

const row = (id: string, change: Partial<AlertRow["alert"]> & Partial<Omit<AlertRow, "alert">>): AlertRow => {
  const { away = null, standing = "armed", searchText = "", ...alert } = change;
  return {
    away,
    standing,
    searchText,
    alert: {
      id,
      ticker: "BTC",
      target_price: "70000",
      webhook_url: "https://example.com/a",
      is_active: standing === "armed" || standing === "blocked",
      created_at: "2026-01-01T00:00:00Z",
      triggered_at: null,
      ...alert,
    },
  };
};

const ROWS = [
  row("new", { away: 12, target_price: "9" }),
  row("near", { away: -0.5, ticker: "ETH", target_price: "70000", searchText: "eth below $70,000.00 ethereum" }),
  row("lost", {
    standing: "failed",
    triggered_at: "2026-01-05T00:00:00Z",
    searchText: "btc https://hooks.example.org/b",
  }),
  row("done", { standing: "delivered", triggered_at: "2026-01-03T00:00:00Z", target_price: "1234.5" }),
];
const ALL: ListView = { search: "", ticker: "", state: "all", sort: null };
const ids = (view: Partial<ListView>): string =>
  arrange(ROWS, { ...ALL, ...view })
    .map(({ alert }) => alert.id)
    .join();

test("failures come first, and the rest stays newest first", () => {
  assert.equal(ids({}), "lost,new,near,done");
});

test("search finds every word, in any order and case", () => {
  assert.equal(ids({ search: "ether" }), "near");
  assert.equal(ids({ search: " below  ETH " }), "near");
  assert.equal(ids({ search: "hooks.example" }), "lost");
  assert.equal(ids({ search: "eth hooks" }), "");
});

test("filters are by asset and by state, and failed ones have fired too", () => {
  assert.equal(ids({ ticker: "ETH" }), "near");
  assert.equal(ids({ state: "armed" }), "new,near");
  assert.equal(ids({ state: "fired" }), "lost,done");
  assert.equal(ids({ state: "failed" }), "lost");
});

test("each column sorts, and what has no value comes last", () => {
  const by = (column: NonNullable<ListView["sort"]>["column"], descending = false): string =>
    ids({ sort: { column, descending } });
  assert.equal(by("alert"), "new,done,lost,near");
  assert.equal(by("distance"), "near,new,lost,done");
  assert.equal(by("distance", true), "new,near,lost,done");
  assert.equal(by("state"), "lost,new,near,done");
  assert.equal(by("changed", true), "lost,done,new,near");
});

test("a column is sorted one way, then the other, then not", () => {
  const first = nextSort(null, "changed");
  assert.deepEqual(first, { column: "changed", descending: true });
  const second = nextSort(first, "changed");
  assert.deepEqual(second, { column: "changed", descending: false });
  assert.equal(nextSort(second, "changed"), null);
  assert.deepEqual(nextSort(second, "alert"), { column: "alert", descending: false });
});
