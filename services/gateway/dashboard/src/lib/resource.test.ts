import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "../api/errors.ts";
import type { Page } from "../api/types.ts";
import { PagedList, Resource } from "./resource.ts";

test("resource keeps what it has while it loads anew and when that fails", async () => {
  const answers: (() => Promise<number>)[] = [
    async () => 1,
    () => Promise.reject(new ApiError(503, { type: "shutting_down" })),
    async () => 2,
  ];
  const resource = new Resource("none", () => answers.shift()?.() ?? Promise.resolve(0));
  await resource.load();
  assert.deepEqual([resource.data.value, resource.error.value], [1, null]);
  const again = resource.load();
  assert.equal(resource.isLoading.value, true);
  await again;
  assert.deepEqual(
    [resource.data.value, resource.error.value?.type, resource.isLoading.value],
    [1, "shutting_down", false],
  );
  await resource.load();
  assert.deepEqual([resource.data.value, resource.error.value], [2, null]);
});

test("response to an earlier load is dropped, also when it comes last", async () => {
  const releases: ((value: string) => void)[] = [];
  const resource = new Resource("none", () => new Promise<string>((resolve) => releases.push(resolve)));
  const first = resource.load();
  await Promise.resolve();
  const second = resource.load();
  await Promise.resolve();
  releases[1]?.("new");
  await second;
  releases[0]?.("old");
  await first;
  assert.equal(resource.data.value, "new");
  assert.equal(resource.isLoading.value, false);
});

const PAGES: Record<string, Page<number>> = {
  first: { items: [1, 2], nextCursor: "second" },
  second: { items: [3], nextCursor: undefined },
};

test("list goes on with the cursor until there is none", async () => {
  const list = new PagedList("none", async (cursor = "first") => PAGES[cursor] ?? { items: [], nextCursor: undefined });
  await list.load();
  assert.deepEqual([list.items.value, list.hasMore], [[1, 2], true]);
  await list.more();
  assert.deepEqual([list.items.value, list.hasMore], [[1, 2, 3], false]);
  await list.more();
  assert.deepEqual(list.items.value, [1, 2, 3]);
});

test("list with an expired cursor begins anew", async () => {
  const asked: (string | undefined)[] = [];
  const list = new PagedList<number>("none", async (cursor) => {
    asked.push(cursor);
    if (cursor !== undefined) throw new ApiError(400, { type: "invalid_cursor" });
    return { items: [asked.length], nextCursor: "gone" };
  });
  await list.load();
  await list.more();
  assert.deepEqual(asked, [undefined, "gone", undefined]);
  assert.deepEqual([list.items.value, list.error.value], [[3], null]);
});
