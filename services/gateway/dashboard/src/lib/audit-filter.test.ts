import assert from "node:assert/strict";
import { test } from "node:test";
import { auditQuery, detailLines, isFiltered, NO_FILTER } from "./audit-filter.ts";
import { shortId } from "./ids.ts";

const ID = "01937c3e-0000-7abc-8def-0123456789ab";

test("query has only what is filtered by, without blanks", () => {
  assert.deepEqual(auditQuery(NO_FILTER), {});
  assert.deepEqual(auditQuery({ action: "key.revoked", actor: ` ${ID.toUpperCase()} `, target: " 203.0.113.7 " }), {
    action: "key.revoked",
    actor_id: ID,
    target: "203.0.113.7",
  });
  assert.equal(isFiltered(NO_FILTER), false);
  assert.equal(isFiltered({ ...NO_FILTER, target: " " }), false);
  assert.equal(isFiltered({ ...NO_FILTER, action: "limit.set" }), true);
});

test("unfinished id of an actor asks nothing", () => {
  assert.equal(auditQuery({ ...NO_FILTER, actor: "01937c3e" }), null);
  assert.equal(auditQuery({ ...NO_FILTER, actor: "a@example.com" }), null);
});

test("details are lines, whatever their shape", () => {
  assert.deepEqual(detailLines({ role: { from: "reader", to: "admin" }, keys: [1, 2], comment: null }), [
    ["role.from", "reader"],
    ["role.to", "admin"],
    ["keys", "[1,2]"],
    ["comment", "null"],
  ]);
  assert.deepEqual(detailLines({}), []);
});

test("short id is its end, and what is no id stays", () => {
  assert.equal(shortId(ID), "…456789ab");
  assert.equal(shortId("203.0.113.0/24"), "203.0.113.0/24");
});
