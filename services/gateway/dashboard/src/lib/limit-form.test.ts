import assert from "node:assert/strict";
import { test } from "node:test";
import { readLimitDraft, type LimitDraft } from "./limit-form.ts";

const ID = "01937c3e-0000-7abc-8def-0123456789ab";
const DRAFT: LimitDraft = {
  subject: "user",
  id: ID,
  policy: "market",
  limit: "1,200",
  windowSeconds: "60",
  expiry: "never",
};

test("exception is for a user or a key, and a quota has no window", () => {
  assert.deepEqual(readLimitDraft(DRAFT, 0), {
    wanted: { policy: "market", limit: 1200, user_id: ID, window_seconds: 60 },
  });
  assert.deepEqual(readLimitDraft({ ...DRAFT, subject: "key", policy: "quota", expiry: "week" }, 0), {
    wanted: { policy: "quota", limit: 1200, key_id: ID, expires_at: "1970-01-08T00:00:00.000Z" },
  });
});

test("all mistakes are named at once", () => {
  assert.deepEqual(readLimitDraft({ ...DRAFT, id: "me", limit: "0", windowSeconds: "1.5" }, 0), {
    problems: { id: "notAnId", limit: "limit", window_seconds: "window" },
  });
  assert.deepEqual(readLimitDraft({ ...DRAFT, limit: "10000001" }, 0), { problems: { limit: "limit" } });
  assert.deepEqual(readLimitDraft({ ...DRAFT, windowSeconds: "" }, 0), { problems: { window_seconds: "window" } });
});
