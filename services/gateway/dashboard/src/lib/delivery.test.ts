import assert from "node:assert/strict";
import { test } from "node:test";
import type { Delivery } from "../api/types.ts";
import { hasNextAttempt, isFinal, outcomeOf, outcomeWords, remedyOf } from "./delivery.ts";

const NOW = Date.parse("2026-01-01T10:00:00Z");
const attempt = (change: Partial<Delivery>): Delivery => ({
  id: "d1",
  endpoint_id: "e1",
  attempt: 1,
  status: "failed",
  dispatched_at: "2026-01-01T09:59:50Z",
  ...change,
});
const plain = (text: string): string => text.replaceAll("\u202f", " ");
const words = (attempts: Delivery[], isGivenUp = false): string =>
  plain(outcomeWords(outcomeOf(attempts, isGivenUp), NOW));

test("outcome is that of the newest attempt of the newest delivery", () => {
  assert.equal(words([]), "Sending");
  assert.equal(words([attempt({ attempt: 0, status: "pending" })]), "Sending");
  assert.equal(words([attempt({ attempt: 2, status: "success" }), attempt({})]), "Delivered");
  assert.equal(words([attempt({ id: "d2", status: "success" }), attempt({ id: "d1" })]), "Delivered");
});

test("retry says which attempt is next and when, and a failure says why", () => {
  const next_attempt_at = "2026-01-01T10:00:20Z";
  const failed = attempt({ error_msg: "status 503", response_code: 503, next_attempt_at });
  assert.equal(words([failed]), "Retrying (2 of 4, next in 20 s)");
  assert.equal(words([{ ...failed, next_attempt_at: "2026-01-01T09:59:59Z" }]), "Retrying (2 of 4, next is due)");
  assert.equal(words([attempt({ attempt: 4, error_msg: "name not resolved" })]), "Failed: name not resolved");
  assert.equal(words([failed], true), "Failed: status 503");
  assert.equal(words([attempt({ attempt: 0, status: "pending", next_attempt_at })], true), "Failed: not sent");
});

test("only the newest attempt of a delivery that goes on has a next one", () => {
  const first = attempt({ next_attempt_at: "2026-01-01T09:59:59Z" });
  const second = attempt({ attempt: 2, next_attempt_at: "2026-01-01T10:00:20Z" });
  assert.equal(hasNextAttempt(second, [second, first], false), true);
  assert.equal(hasNextAttempt(first, [second, first], false), false);
  assert.equal(hasNextAttempt(second, [second, first], true), false);
});

test("what is over does not need to be asked again", () => {
  assert.equal(isFinal(outcomeOf([attempt({ status: "success" })], false)), true);
  assert.equal(isFinal(outcomeOf([attempt({})], false)), true);
  assert.equal(isFinal(outcomeOf([], false)), false);
});

test("each failure has its own advice", () => {
  const causes: [string, number | null][] = [
    ["name not resolved", null],
    ["connection failed", null],
    ["timed out", null],
    ["TLS failed: certificate has expired", null],
    ["blocked address", null],
    ["status 302, redirects are not followed", 302],
    ["status 401", 401],
    ["status 404", 404],
    ["status 410", 410],
    ["status 429", 429],
    ["status 503", 503],
    ["interrupted: the service stopped while this attempt was under way", null],
    ["endpoint is disabled", null],
    ["something new", null],
  ];
  const advice = causes.map(([error_msg, response_code]) => remedyOf({ error_msg, response_code }));
  assert.ok(advice.every((text) => text.length > 20));
  assert.equal(new Set(advice).size, causes.length);
});
