import assert from "node:assert/strict";
import { test } from "node:test";
import { passwordProblems } from "./password-form.ts";

const draft = (password: string, repeated = password) => ({ current: "", password, repeated });

test("password has 10 to 128 characters, whatever they are", () => {
  assert.deepEqual(passwordProblems(draft("123456789")), { password: "tooShort" });
  assert.deepEqual(passwordProblems(draft("1234567890")), {});
  assert.deepEqual(passwordProblems(draft("🔑".repeat(9))), { password: "tooShort" });
  assert.deepEqual(passwordProblems(draft("🔑".repeat(128))), {});
  assert.deepEqual(passwordProblems(draft("x".repeat(129))), { password: "tooLong" });
});

test("password is written twice, blanks included", () => {
  assert.deepEqual(passwordProblems(draft("1234567890", "1234567890 ")), { repeated: "differs" });
  assert.deepEqual(passwordProblems(draft("12345", "1")), { password: "tooShort" });
});
