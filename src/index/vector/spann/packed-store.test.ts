import { expect, test } from "vitest";
import { memoryStore } from "../../../storage/memory-store.ts";
import type { Key } from "../../../storage/store.ts";
import { contiguousRows, memorySegment, type Parts } from "../../segment.ts";
import { openPacked, packStore } from "./packed-store.ts";

const NAMESPACE = "things";

async function packed(keys: readonly Key[]): Promise<Parts> {
  await using store = memoryStore();
  await store.batch((batch) => {
    for (const key of keys) batch.put(NAMESPACE, key, new TextEncoder().encode(key.join("/")));
    batch.put("others", ["x"], Uint8Array.of(1));
  });
  return packStore(store, NAMESPACE, "lists/");
}

const opened = (parts: Parts): ReturnType<typeof openPacked> =>
  openPacked(memorySegment(7, contiguousRows(0, 10), parts), "lists/");

const numbered = (before: Key, count: number): Key[] =>
  Array.from({ length: count }, (_, i) => [...before, i]);

const KEYS: readonly Key[] = [
  ["a", "about"],
  ...numbered(["a", "list"], 300),
  ...Array.from({ length: 40 }, (_, list) => numbered(["a", "fine", list], (list % 5) + 1)).flat(),
  ["a", "heads", "links", "count"],
  ...numbered(["a", "heads", "links"], 3),
  // lists without rows are not there
  ["a", "sparse", 2],
  ["a", "sparse", 3],
  ["a", "sparse", 7],
];

test("every value comes back by its key, in the order asked for, and what was not there does not", async () => {
  const store = await opened(await packed(KEYS));
  const wrong: Key[] = [
    ["a"],
    ["a", "list", 300],
    ["a", "fine", 0, 1],
    ["b", "list", 0],
    ["a", "list"],
    ["a", "sparse", 0],
    ["a", "sparse", 6],
    ["a", "sparse", 8],
    ["x"],
  ];
  const asked = [...KEYS, ...wrong].reverse();
  const values = await store.getMany(NAMESPACE, asked);
  const texts = values.map((value) => value && new TextDecoder().decode(value));
  expect(texts).toEqual(asked.map((key) => (wrong.includes(key) ? undefined : key.join("/"))));
  expect(await store.getMany(NAMESPACE, [])).toEqual([]);
  // an entry for each run of numbers, not for each key
  expect(store.bytes).toBeLessThan(KEYS.length * 30);
  expect(() => store.range(NAMESPACE)).toThrow(/UNSUPPORTED|by key/);
});

test("parts that do not fit together are refused by name", async () => {
  const parts = await packed(KEYS);
  const damage: [string, Uint8Array][] = [
    ["lists/keys", new TextEncoder().encode("[[1,2]]")],
    ["lists/keys", parts.get("lists/keys")!.subarray(0, 40)],
    ["lists/offsets", parts.get("lists/offsets")!.subarray(4)],
    ["lists/offsets", parts.get("lists/offsets")!.slice().reverse()],
    ["lists/values", parts.get("lists/values")!.subarray(1)],
  ];
  for (const [name, bytes] of damage)
    await expect(opened(new Map(parts).set(name, bytes))).rejects.toMatchObject({
      code: "CORRUPT",
      message: expect.stringMatching(/part lists\/(keys|values)/),
    });
});
