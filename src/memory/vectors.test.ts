/** Vectors: who makes them, whose own are kept, and how a library moves to another space. */
import { describe, expect, test } from "vitest";
import { animals, ids, temporaryFolder, toyEmbedder } from "../../test/support/memory.ts";
import { bundledEmbedder, type Embedder } from "../embed/index.ts";
import { type Item, open } from "./index.ts";

const { path } = temporaryFolder();

test("reembed moves to another space, resumes, and the old space serves meanwhile", async () => {
  const where = path();
  const target = toyEmbedder();
  {
    await using memory = await open(where, { workers: 0 });
    await memory.add(animals);
    const stop = new AbortController();
    const done = memory.reembed(target, { signal: stop.signal, onProgress: () => stop.abort() });
    await expect(done).rejects.toMatchObject({ code: "CANCELLED" });
    expect(memory.info().space.model).toBe("mneme-embed");
    expect(ids(await memory.search("cat sleeps"))[0]).toBe("cats");
  }
  {
    await using memory = await open(where, { workers: 0 });
    expect(memory.info().nextSpace).toMatchObject({ model: "toy" });
    await memory.reembed(target);
    expect(memory.info().space).toMatchObject({ model: "toy", dim: 3 });
    expect(ids(await memory.search("ship", { retriever: "meaning" }))[0]).toBe("ships");
  }
  await expect(open(where)).rejects.toMatchObject({ code: "SPACE" });
  await using memory = await open(where, { embedder: target, workers: 0 });
  await memory.add({ id: "more", text: "another ship" });
  expect(ids(await memory.search("ship", { retriever: "meaning", k: 2 })).sort()).toEqual(["more", "ships"]);
});

/** Text of more than a mebibyte in all: one call makes a segment. */
const LONG = "filler words of no meaning ".repeat(1_500);

/** Every third item says where it stands by itself; its text would say otherwise. */
function withOwnVectors(count: number): Item[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `item${i}`,
    text: `cat number${i} ${LONG}`,
    ...(i % 3 === 0 ? { vector: Float32Array.of(0, 0, 1) } : {}),
  }));
}

test.each([0, 2])(
  "own vectors are kept in a large call, with %i workers and a foreign embedder",
  async (workers) => {
    const toy = toyEmbedder();
    const asked: string[] = [];
    const embedder: Embedder = {
      ...toy,
      embed: (texts) => {
        asked.push(...texts);
        return toy.embed(texts);
      },
    };
    const items = withOwnVectors(30);
    const where = path();
    {
      await using memory = await open(where, { embedder, workers });
      expect(await memory.add(items)).toMatchObject({ added: 30 });
      expect(memory.info()).toMatchObject({ segments: 1, tailRows: 0 });
      expect(asked.some((text) => /number(0|3|27) /.test(text))).toBe(false);
      expect(asked.some((text) => /number(1|29) /.test(text))).toBe(true);
    }
    await using memory = await open(where, { embedder: toy, workers });
    const near = async (vector: Float32Array): Promise<string[]> => {
      const found = await memory.search("", { retriever: "meaning", vector, k: 10 });
      expect([...found].every(({ score }) => score > 0.99)).toBe(true);
      return ids(found);
    };
    const own = items.filter(({ vector }) => vector).map(({ id }) => id);
    expect((await near(Float32Array.of(0, 0, 1))).sort()).toEqual(own.sort());
    const { data } = await toy.embed(["cat"]);
    for (const id of await near(data)) expect(own).not.toContain(id);
  },
);

test("a large call whose items all bring their vectors asks nobody", async () => {
  const embedder: Embedder = { ...toyEmbedder(), embed: () => Promise.reject(new Error("asked")) };
  await using memory = await open(":memory:", { embedder, workers: 0 });
  const items = withOwnVectors(60).filter(({ vector }) => vector);
  await memory.add(
    items.map((item, i) => ({ ...item, text: item.text + LONG, vector: Float32Array.of(1, i, 2) })),
  );
  expect(memory.info()).toMatchObject({ segments: 1, items: 20 });
  const nearest = await memory.search("", { retriever: "meaning", vector: Float32Array.of(1, 7, 2), k: 1 });
  expect(ids(nearest)).toEqual(["item21"]);
});

describe("reembed to another width of the bundled model", () => {
  const items = Array.from({ length: 2_500 }, (_, i) => ({
    id: `item${i}`,
    text: `The ${i % 50} brown foxes of farm ${i} jump over ${i % 7} lazy dogs.`,
  }));

  async function moved(workers: number): Promise<{ found: string[][]; embeddedHere: number }> {
    await using small = await bundledEmbedder({ dim: 64 });
    let embeddedHere = 0;
    // not spread: the space and the flag are read through the prototype
    const counting: Embedder = Object.create(small, {
      space: { value: small.space },
      bytes: { value: small.bytes },
      embed: {
        value: (...args: Parameters<Embedder["embed"]>) => {
          embeddedHere += args[0].length;
          return small.embed(...args);
        },
      },
    });
    await using memory = await open(":memory:", { workers });
    await memory.add(items);
    const seen: number[] = [];
    const { passages } = await memory.reembed(counting, { onProgress: ({ done }) => seen.push(done) });
    expect(passages).toBe(items.length);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.at(-1)).toBe(items.length);
    expect(memory.info().space).toMatchObject({ model: "mneme-embed", dim: 64 });
    const found: string[][] = [];
    const before = embeddedHere;
    for (const query of ["lazy dogs", "farm 77", "brown foxes"])
      found.push(
        [...(await memory.search(query, { retriever: "meaning", k: 20 }))].map(
          ({ id, score }) => `${id} ${score}`,
        ),
      );
    return { found, embeddedHere: before };
  }

  test("workers do it, to the same codes as without them", async () => {
    const [alone, workers] = [await moved(0), await moved(2)];
    expect(alone.embeddedHere).toBe(items.length);
    expect(workers.embeddedHere).toBe(0);
    expect(workers.found).toEqual(alone.found);
  });
});

test("an embedder says with its space, not with its make, that workers may stand in for it", async () => {
  await using bundled = await bundledEmbedder({ dim: 64 });
  const other: Embedder = Object.create(bundled, {
    space: { value: { ...bundled.space, revision: "other weights" } },
    bytes: { value: 0 },
    embed: {
      value: async (texts: readonly string[]) => ({
        rows: texts.length,
        cols: 64,
        data: new Float32Array(64 * texts.length).fill(0.125),
      }),
    },
  });
  await using memory = await open(":memory:", { embedder: other, workers: 2 });
  await memory.add(
    Array.from({ length: 30 }, (_, i) => ({ id: `item${i}`, text: `cat number${i} ${LONG}` })),
  );
  const hits = [...(await memory.search("anything", { retriever: "meaning", k: 5 }))];
  expect(hits.map(({ score }) => Math.round(score * 100))).toEqual([100, 100, 100, 100, 100]);
});

test("a library that moved compacts in the same session, with the vectors of its new space", async () => {
  await using memory = await open(":memory:", { workers: 0 });
  await memory.add(Array.from({ length: 30 }, (_, i) => ({ id: `ship${i}`, text: `ship ${i} ${LONG}` })));
  await memory.add(animals);
  await memory.reembed(toyEmbedder());
  await memory.forget({ ids: ["ship7"] });
  await memory.compact();
  expect(memory.info()).toMatchObject({ segments: 1, items: 32 });
  const found = await memory.search("ship", { retriever: "meaning", k: 30 });
  expect(ids(found).filter((id) => id.startsWith("ship"))).toHaveLength(30);
  expect(ids(await memory.search("tax", { retriever: "meaning", k: 1 }))).toEqual(["tax"]);
});

test("a text that begins with a byte order mark keeps its places over a restart", async () => {
  const where = path();
  for (const look of ["fresh", "reopened"]) {
    await using memory = await open(where, { workers: 0 });
    if (look === "fresh") await memory.add({ id: "marked", text: "\ufeffzebra stripes" });
    expect(ids(await memory.search("zebra", { retriever: "words" })), look).toEqual(["marked"]);
    expect(ids(await memory.search('"zebra stripes"')), look).toEqual(["marked"]);
  }
});

test.each(["one item", "a large call"])(
  "%s that is embedded while the library moves lands in the new space",
  async (size) => {
    const [old, next] = [toyEmbedder("old"), toyEmbedder("next")];
    let release = (): void => {};
    let asked = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const waiting = new Promise<void>((resolve) => (asked = resolve));
    const slow: Embedder = {
      ...old,
      embed: async (texts) => {
        const slowOnes = texts.some((text) => text.includes("late"));
        if (slowOnes) asked();
        if (slowOnes) await held;
        return old.embed(texts);
      },
    };
    // the new space turns meanings round: "cat" is there where "tax" was
    const turned: Embedder = {
      ...next,
      embed: async (texts) => {
        const rows = await next.embed(texts);
        for (let row = 0; row < rows.rows; row++) rows.data.subarray(row * 3, row * 3 + 3).reverse();
        return rows;
      },
    };
    await using memory = await open(":memory:", { embedder: slow, workers: 0 });
    await memory.add(animals);
    const late = Array.from({ length: size === "one item" ? 1 : 30 }, (_, i) => ({
      id: `late${i}`,
      text: `late cat ${size === "one item" ? "" : LONG}`,
    }));
    const adding = memory.add(late);
    await waiting;
    await memory.reembed(turned);
    release();
    expect(await adding).toMatchObject({ added: late.length });
    const near = await memory.search("", { retriever: "meaning", vector: Float32Array.of(0, 0, 1), k: 31 });
    expect(ids(near).filter((id) => id.startsWith("late"))).toHaveLength(late.length);
    for (const { id, score } of near) if (id.startsWith("late")) expect(score).toBeGreaterThan(0.9);
    await memory.compact();
    expect(ids(await memory.search("cat", { retriever: "meaning", k: 40 }))).toHaveLength(
      animals.length + late.length,
    );
  },
);
