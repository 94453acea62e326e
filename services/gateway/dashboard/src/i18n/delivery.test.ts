import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import type { DeliverySummary } from "../api/types.ts";
import { outcomeOf } from "../lib/delivery.ts";
import { failureText, outcomeWords, remedyOf, testWords } from "./delivery.ts";
import { language } from "./language.ts";

afterEach(() => (language.value = "en"));

const NOW = Date.parse("2026-01-01T10:00:00Z");
const delivery = (change: Partial<DeliverySummary>): DeliverySummary => ({
  id: "d1",
  type: "alert.triggered",
  endpoint_id: "e1",
  created_at: "2026-01-01T09:59:49Z",
  status: "pending",
  attempt: 1,
  ...change,
});
const plain = (text: string): string => text.replaceAll("\u202f", " ");
const words = (change: Partial<DeliverySummary>): string => plain(outcomeWords(outcomeOf(delivery(change)), NOW));

test("outcome says delivered, sending, or which attempt is next and when", () => {
  assert.equal(words({ status: "success" }), "Delivered");
  assert.equal(words({ attempt: 0, max_attempts: 4 }), "Sending");
  const retrying = { max_attempts: 4, error_msg: "status 503", next_attempt_at: "2026-01-01T10:00:20Z" };
  assert.equal(words(retrying), "Retrying (2 of 4, next in 20 s)");
  assert.equal(words({ ...retrying, next_attempt_at: "2026-01-01T09:59:59Z" }), "Retrying (2 of 4, next is due)");
  assert.equal(words({ ...retrying, next_attempt_at: null }), "Retrying (2 of 4, under way)");
});

test("outcome of what was given up says why", () => {
  assert.equal(words({ status: "failed", error_msg: "name not resolved" }), "Failed: name not resolved");
  assert.equal(
    words({ status: "failed", failure_reason: "endpoint_disabled", attempt: 0 }),
    "Failed: endpoint disabled",
  );
});

test("outcome of a test has the endpoint's answer, or why there was none", () => {
  const of = (change: Partial<DeliverySummary>): string => plain(testWords(delivery(change), NOW));
  assert.equal(
    of({ status: "success", response_code: 200, latency_ms: 35 }),
    "Delivered. The endpoint answered 200 in 35 ms.",
  );
  const next_attempt_at = "2026-01-01T10:00:20Z";
  assert.equal(
    of({ max_attempts: 4, next_attempt_at, response_code: 500, latency_ms: 35, error_msg: "status 500" }),
    "Retrying (2 of 4, next in 20 s). The endpoint answered 500 in 35 ms.",
  );
  assert.equal(
    of({ max_attempts: 4, next_attempt_at, error_msg: "connection failed" }),
    "Retrying (2 of 4, next in 20 s). Attempt 1: connection failed.",
  );
  assert.equal(of({ status: "failed", error_msg: "connection failed" }), "Failed: connection failed.");
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
    ["invalid or broken answer", null],
    ["the endpoint's secret is unreadable", null],
    ["something new", null],
  ];
  const advice = causes.map(([error_msg, response_code]) => remedyOf({ error_msg, response_code }));
  assert.ok(advice.every((text) => text.length > 20));
  assert.equal(new Set(advice).size, causes.length);
});

test("reasons are in the language of the page, and what it has no words for in that of the server", () => {
  language.value = "ru";
  assert.equal(words({ status: "failed", error_msg: "name not resolved" }), "Сбой: имя хоста не найдено");
  assert.equal(words({ status: "failed", error_msg: "status 503", response_code: 503 }), "Сбой: ответ с кодом 503");
  assert.equal(words({ status: "failed", failure_reason: "endpoint_disabled" }), "Сбой: адрес отключён");
  assert.equal(words({ status: "failed", error_msg: "something new" }), "Сбой: причина неизвестна");
  assert.deepEqual(failureText({ error_msg: "something new" }), { text: "something new", lang: "en" });
  assert.deepEqual(failureText({ error_msg: "timed out" }), { text: "время ожидания истекло", lang: undefined });
});
