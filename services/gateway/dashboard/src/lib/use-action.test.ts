import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "../api/errors.ts";
import { createAction, type Action } from "./use-action.ts";

const messageOf = ({ error }: Action): string | null => error.value?.message ?? null;

test("action is busy until its work ends, and runs one at a time", async () => {
  const action = createAction();
  let runs = 0;
  let finish: () => void = () => undefined;
  const work = (): Promise<void> => {
    runs += 1;
    return new Promise((resolve) => (finish = resolve));
  };
  const first = action.run(work);
  await action.run(work);
  assert.deepEqual([action.isBusy.value, runs], [true, 1]);
  finish();
  await first;
  assert.equal(action.isBusy.value, false);
});

test("failed action keeps its error until the next run or a reset", async () => {
  const action = createAction();
  const refused = new ApiError(422, { detail: "Too many." });
  await action.run(() => Promise.reject(refused));
  assert.deepEqual([action.isBusy.value, messageOf(action)], [false, "Too many."]);
  await action.run(() => Promise.resolve());
  assert.equal(messageOf(action), null);
  await action.run(() => Promise.reject(new TypeError("no JSON")));
  assert.equal(messageOf(action), ApiError.unreachable().message);
  action.reset();
  assert.equal(messageOf(action), null);
});
