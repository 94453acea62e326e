import assert from "node:assert/strict";
import { test } from "node:test";
import type { Alert } from "../api/types.ts";
import { disabledWords, eventWords, noDataWords } from "./alert-state.ts";
import { minute } from "./format.ts";

type NoDataReason = NonNullable<Alert["no_data"]>["reason"];

const since = "2026-01-01T10:00:00.000Z";

test("alert without data says why and since when", () => {
  const words = (reason: NoDataReason): string | null => noDataWords({ ticker: "SOL", no_data: { since, reason } });
  assert.equal(words("no_price"), `Cannot fire: no price since ${minute(since)}`);
  assert.equal(words("prices_unfit"), `Cannot fire: prices come too late since ${minute(since)}`);
  assert.match(words("not_watched") ?? "", /^Cannot fire: SOL is not watched any more, last price /);
  assert.equal(noDataWords({ ticker: "SOL" }), null);
});

test("disabled endpoint says since when, why, and what becomes of its messages", () => {
  const words = (disabled_reason: string | null): string | null =>
    disabledWords({
      id: "1",
      url: "",
      implicit: true,
      consecutive_failures: 0,
      created_at: since,
      is_enabled: disabled_reason === null,
      disabled_at: disabled_reason === null ? null : since,
      disabled_reason,
    });
  assert.equal(words(null), null);
  const gone = `Endpoint disabled since ${minute(since)}, because it answered 410 Gone.`;
  assert.equal(words("gone"), `${gone} Messages for it fail until you enable it again.`);
  assert.match(words("too_many_failures") ?? "", /, because too many messages to it failed\. Messages wait/);
  assert.match(words("by_operator") ?? "", /^Endpoint disabled since .* \(by operator\)\. Nothing is sent/);
});

test("delivery_failed event says that a message was given up", () => {
  assert.deepEqual(eventWords({ to_state: "triggered", reason: "price_above_target", late: true }), {
    title: "Triggered",
    explanation: "Price above target, found late",
  });
  const { title, explanation } = eventWords({
    to_state: "triggered",
    reason: "delivery_failed",
    late: false,
  });
  assert.equal(title, "Message given up");
  assert.match(explanation, /not delivered and is not tried again/);
});
