/**
 * Where pages are not isolated the kernels' memory is not shared, and growing it detaches every view of before. Here it grows
 * when a store is read.
 */
import { expect, test } from "vitest";

// decides which memory the kernels get, when they are first asked for
Object.defineProperty(globalThis, "crossOriginIsolated", { value: false });

const { kernels } = await import("../../kernels/index.ts");
const { rowOf, rowsOf } = await import("../../linalg/index.ts");
const { memoryStore } = await import("../../storage/memory-store.ts");
const { buildSpann } = await import("./spann/build.ts");
const { MadeUp } = await import("./spann/made-up.test.support.ts");
const { SpannIndex } = await import("./spann/spann.ts");

/** Takes what is free, and more. */
function grow(): void {
  const { arena } = kernels();
  const { byteLength } = arena.buffer;
  const taken: Disposable[] = [];
  while (arena.buffer.byteLength === byteLength) taken.push(arena.alloc(1 << 18));
  for (const region of taken) region[Symbol.dispose]();
}

test("memory is plain here, and growing it detaches", () => {
  const before = kernels().arena.buffer;
  expect(before).toBeInstanceOf(ArrayBuffer);
  grow();
  expect(before.byteLength).toBe(0);
});

test("lists that are waited for are searched as those at hand", async () => {
  const made = new MadeUp(32, 3);
  const rows = made.rows(4000);
  const queries = made.queries(20);
  await using store = memoryStore();
  await buildSpann(store, "x", rows, { codes: "rabitq1" });
  // each time by an eighth: not for ever
  let left = 30;
  const slow = {
    location: "slow",
    writable: false,
    getMany: async (namespace: string, keys: Parameters<typeof store.getMany>[1]) => {
      const values = (await store.getMany(namespace, keys)).map((value) => value?.slice());
      if (keys[0]?.[1] === "fine" && left-- > 0) grow();
      return values;
    },
    range: () => [],
    generation: () => 0,
    stats: () => store.stats(),
    close: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
  // so few pages are kept that rows are scored in many turns
  using near = await SpannIndex.open(store, "x", { cacheBytes: 1 });
  using far = await SpannIndex.open(slow, "x", { cacheBytes: 1 });
  for (let q = 0; q < 4; q++) {
    const options = { k: 100, lists: 64, pruning: { rule: "none" } } as const;
    const right = await near.search(rowOf(queries, q), options);
    expect(right.rows).toHaveLength(100);
    expect(await far.search(rowOf(queries, q), options)).toEqual(right);
  }
  expect(await far.searchMany(rowsOf(queries, 4, 20), { k: 10 })).toEqual(
    await near.searchMany(rowsOf(queries, 4, 20), { k: 10 }),
  );
});
