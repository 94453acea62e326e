import assert from "node:assert/strict";
import { test } from "node:test";
import { readKeyDraft, scopesOf, type KeyDraft } from "./key-form.ts";

const EMPTY: KeyDraft = { name: "", scopes: null, expiry: "never", addresses: "" };
const NOW = Date.parse("2026-11-29T12:00:00Z");

test("least key has a name only, and then all rights of the role from everywhere for ever", () => {
  assert.deepEqual(readKeyDraft({ ...EMPTY, name: " bot " }, NOW), { wanted: { name: "bot" } });
});

test("rights, end and addresses are as they were chosen", () => {
  const draft: KeyDraft = {
    name: "bot",
    scopes: new Set(["market:read", "alerts:read"]),
    expiry: "week",
    addresses: "203.0.113.7\n 2001:db8::/32, 10.0.0.0/8\n",
  };
  assert.deepEqual(readKeyDraft(draft, NOW), {
    wanted: {
      name: "bot",
      scopes: ["market:read", "alerts:read"],
      expires_at: "2026-12-06T12:00:00.000Z",
      ip_allow: ["203.0.113.7", "2001:db8::/32", "10.0.0.0/8"],
    },
  });
});

test("all mistakes are named at once", () => {
  const addresses = "203.0.113.7\nexample.com";
  assert.deepEqual(readKeyDraft({ ...EMPTY, scopes: new Set(), addresses }, NOW), {
    problems: {
      name: { kind: "nameMissing" },
      scopes: { kind: "noScope" },
      ip_allow: { kind: "notAnAddress", text: "example.com" },
    },
  });
  const many = Array.from({ length: 51 }, (_, i) => `10.0.0.${i}`).join("\n");
  assert.deepEqual(readKeyDraft({ ...EMPTY, name: "🔑".repeat(101), addresses: many }, NOW), {
    problems: { name: { kind: "nameTooLong" }, ip_allow: { kind: "tooManyAddresses" } },
  });
  assert.ok("wanted" in readKeyDraft({ ...EMPTY, name: "🔑".repeat(100) }, NOW));
});

test("role decides which rights can be given", () => {
  assert.equal(scopesOf("reader").includes("forecast:read"), false);
  assert.equal(scopesOf("analyst").includes("forecast:read"), true);
  assert.equal(scopesOf("analyst").includes("admin"), false);
  assert.equal(scopesOf("admin").length, 13);
});
