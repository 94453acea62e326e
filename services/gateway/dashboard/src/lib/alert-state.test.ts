import assert from "node:assert/strict";
import { test } from "node:test";
import { disabledWords, noDataWords } from "./alert-state.ts";
import { minute } from "./format.ts";

const since = "2026-01-01T10:00:00.000Z";

test("an alert that no price reaches says why and since when", () => {
  const words = (reason: string): string | null => noDataWords({ ticker: "SOL", no_data: { since, reason } });
  assert.equal(words("no_price"), `Cannot fire: no price since ${minute(since)}`);
  assert.equal(words("prices_unfit"), `Cannot fire: prices come too late since ${minute(since)}`);
  assert.match(words("not_watched") ?? "", /^Cannot fire: SOL is not watched any more, last price /);
  assert.equal(noDataWords({ ticker: "SOL" }), null);
});

test("a disabled receiver says what becomes of its messages", () => {
  const words = (disabled_reason: string | null): string | null =>
    disabledWords({ id: "1", url: "", is_enabled: disabled_reason === null, disabled_reason });
  assert.equal(words(null), null);
  assert.match(words("gone") ?? "", /410 Gone.* fail until you enable it again\.$/);
  assert.match(words("too_many_failures") ?? "", /too many messages to it failed\. Messages wait/);
  assert.match(words("by_operator") ?? "", /while it is disabled \(by operator\)\.$/);
});
