import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { ApiError } from "../api/errors.ts";
import { language } from "./language.ts";
import { problemRemedy, problemSummary, problemText, violationText } from "./problem.ts";

afterEach(() => (language.value = "en"));

const limit = new ApiError(403, { type: "plan_limit_reached", detail: "Your plan has room for 10 active alerts." });
const newer = new ApiError(409, { type: "from_the_future", detail: "Not today.", remediation: "Come back." });

test("in its own language the server's sentence is shown, which is more precise", () => {
  assert.deepEqual(problemText(limit), { text: "Your plan has room for 10 active alerts.", lang: undefined });
  assert.deepEqual(problemText(newer), { text: "Not today.", lang: undefined });
});

test("in another language the page has its own words, otherwise the server's are marked as foreign", () => {
  language.value = "ru";
  assert.deepEqual(problemText(limit), { text: "Достигнут лимит вашего тарифа.", lang: undefined });
  assert.deepEqual(problemText(newer), { text: "Not today.", lang: "en" });
  assert.deepEqual(problemRemedy(newer), { text: "Come back.", lang: "en" });
  assert.equal(problemSummary(newer), "Сервер ответил кодом 409.");
});

test("error without words of the server has the page's", () => {
  assert.equal(problemText(ApiError.unreachable()).text, "The server does not answer.");
  assert.equal(problemText(new ApiError(502, {})).text, "The server answered with status 502.");
  assert.equal(problemRemedy(new ApiError(502, {})), null);
  language.value = "ru";
  assert.deepEqual(problemText(new ApiError(502, {})), { text: "Сервер ответил кодом 502.", lang: undefined });
});

test("violation is a sentence", () => {
  const violation = { loc: ["body", "webhook_url"], type: "from_the_future", msg: "must be kind", params: {} };
  assert.deepEqual(violationText(violation), { text: "Must be kind.", lang: undefined });
  language.value = "ru";
  assert.deepEqual(violationText(violation), { text: "Must be kind.", lang: "en" });
  assert.equal(violationText({ ...violation, type: "url_scheme" }).text, "Адрес должен начинаться с http или https.");
});
