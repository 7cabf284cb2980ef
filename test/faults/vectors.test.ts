/** Bad numbers stop at the door, alone and in the middle of a large call, and leave what was there as it was. */
import { describe, expect, test } from "vitest";
import { type Item, type Memory, open } from "../../src/index.ts";
import { collect, ids } from "../support/memory.ts";

const DIM = 256;
const good = (): Float32Array => new Float32Array(DIM).fill(1);
const withValue = (value: number): Float32Array => good().fill(value, 7, 8);

const bad: [name: string, vector: unknown, code: string][] = [
  ["NaN", withValue(Number.NaN), "NOT_FINITE"],
  ["infinity", withValue(Number.NEGATIVE_INFINITY), "NOT_FINITE"],
  ["another dimension", new Float32Array(DIM - 1).fill(1), "DIMENSION"],
  ["no values", new Float32Array(0), "DIMENSION"],
  ["nothing but zeros", new Float32Array(DIM), "ZERO_VECTOR"],
  ["doubles", new Float64Array(DIM).fill(1), "DTYPE"],
  ["a plain list", [...good()], "DTYPE"],
];

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => "no error",
    (error) => error.code,
  );
}

async function withLibrary(work: (memory: Memory) => Promise<void>): Promise<void> {
  await using memory = await open(":memory:", { workers: 0 });
  await memory.add({ id: "earlier", text: "an earlier zebra", vector: good() });
  await work(memory);
  expect((await collect(memory.list())).map(({ id }) => id)).toEqual(["earlier"]);
  for (const retriever of ["words", "meaning", "hybrid"] as const)
    expect(ids(await memory.search("zebra", { retriever }))).toEqual(["earlier"]);
  const [hit] = (await memory.search("", { retriever: "meaning", vector: good() })).hits;
  expect(hit?.score).toBeGreaterThan(0.99);
}

describe.each(bad)("a vector with %s", (_, vector, code) => {
  test("as an item's own", async () => {
    await withLibrary(async (memory) => {
      expect(await codeOf(memory.add({ id: "bad", text: "bad", vector } as Item))).toBe(code);
    });
  });

  test("among many items of a large call", async () => {
    await withLibrary(async (memory) => {
      const items = Array.from({ length: 20 }, (__, i) => ({
        id: `i${i}`,
        text: "long words ".repeat(6_000),
      }));
      items.splice(10, 0, { id: "bad", text: "bad", vector } as Item);
      expect(await codeOf(memory.add(items))).toBe(code);
    });
  });

  test("as a query", async () => {
    await withLibrary(async (memory) => {
      expect(await codeOf(memory.search("zebra", { vector: vector as Float32Array }))).toBe(code);
    });
  });
});

test("a vector whose length leaves 32-bit floats is refused, one just below spoils no score", async () => {
  await withLibrary(async (memory) => {
    const large = (value: number): Item => ({
      id: "large",
      text: "large",
      vector: new Float32Array(DIM).fill(value),
    });
    expect(await codeOf(memory.add(large(3e38)))).toBe("RANGE");
    expect(await memory.get("large")).toBeUndefined();
    await memory.add(large(1e18 / Math.sqrt(DIM)));
    const scores = [...(await memory.search("large"))].map(({ score }) => score);
    expect(scores.every(Number.isFinite)).toBe(true);
    await memory.forget({ ids: ["large"] });
  });
});

test.each([
  ["k", { k: Number.NaN }, "RANGE"],
  ["filter", { filter: { n: { gt: Number.NaN } } }, "ARGUMENT"],
])("a search whose %s is no number", async (_, options, code) => {
  await withLibrary(async (memory) => {
    expect(await codeOf(memory.search("zebra", options))).toBe(code);
  });
});
