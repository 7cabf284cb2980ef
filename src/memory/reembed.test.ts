/** What lies beside a reembed: searches while it switches, and what a kill between its switch and its deletions leaves behind. */
import { expect, test } from "vitest";
import { animals, ids, temporaryFolder, toyEmbedder } from "../../test/support/memory.ts";
import { watched } from "../../test/support/watched-store.ts";
import type { Embedder } from "../embed/index.ts";
import { Budget } from "../storage/budget.ts";
import { lmdbStore } from "../storage/lmdb-store.ts";
import type { Store } from "../storage/store.ts";
import { type Item, type Memory, open, type SearchResult } from "./index.ts";
import { MANIFEST_KEY, type Manifest, NS } from "./layout.ts";
import { Library } from "./library.ts";
import { LibraryMemory } from "./memory.ts";

const { path } = temporaryFolder();

/** Text of more than a mebibyte in all: one call makes a segment. */
const ships: readonly Item[] = Array.from({ length: 30 }, (_, i) => ({
  id: `ship${i}`,
  text: `ship number${i} ${"filler words of no meaning ".repeat(1_500)}`,
}));

const [first, second] = [toyEmbedder("first"), toyEmbedder("second")];
/** As many values as no vector of `first` has. */
const wider: Embedder = {
  ...second,
  space: { ...second.space, dim: 6 },
  embed: async (texts) => {
    const { rows, cols, data } = await second.embed(texts);
    const wide = new Float32Array(2 * rows * cols);
    for (let row = 0; row < rows; row++)
      wide.set(data.subarray(row * cols, (row + 1) * cols), 2 * row * cols);
    return { rows, cols: 2 * cols, data: wide };
  },
};

async function makeLibrary(): Promise<string> {
  const where = path();
  await using memory = await open(where, { embedder: first, workers: 0 });
  await memory.add(ships);
  await memory.add(animals);
  return where;
}

async function openOver(store: Store, onWarning: (message: string) => void = () => {}): Promise<Memory> {
  const library = await Library.open(store, new Budget(256 << 20));
  const memory = new LibraryMemory(library, first, { undoWindowMs: 0, workers: 0, onWarning });
  await memory.startWriter(store);
  return memory;
}

const manifestOf = (store: Store): Manifest =>
  JSON.parse(new TextDecoder().decode(store.get(NS.library, MANIFEST_KEY))) as Manifest;

/** Parts that lie in the store and that its manifest does not name. */
function orphansOf(store: Store): string[] {
  const named = new Set(
    manifestOf(store).segments.flatMap(({ id, parts }) => Object.keys(parts).map((name) => `${id}/${name}`)),
  );
  const lying = new Set([...store.range(NS.segments)].map(({ key }) => `${key[0]}/${key[1]}`));
  return [...lying].filter((part) => !named.has(part));
}

test("searches that come at any moment of a reembed find everything", async () => {
  const inner = await lmdbStore(await makeLibrary());
  const searches: Promise<SearchResult>[] = [];
  const look = (): Promise<SearchResult> => {
    const found = memory.search("ship", { retriever: "meaning", k: 40 });
    found.catch(() => {}); // counted below
    searches.push(found);
    return found;
  };
  const store = watched(inner, {
    // pages are on their way out of the store, and searches still in the old space
    after: async () => void (await look()),
    // the switch under way, and searches waiting for it
    reading: (keys) => {
      if (keys.some(([, part]) => String(part).startsWith("vectors2"))) queueMicrotask(() => void look());
    },
  });
  const memory = await openOver(store);
  await memory.reembed(wider);
  expect(searches.length).toBeGreaterThan(4);
  for (const found of searches) expect(ids(await found)).toHaveLength(ships.length + animals.length);
  expect(orphansOf(inner)).toEqual([]);
  await memory.close();
});

test("a kill between the switch and the deletions leaves nothing once the library is opened again", async () => {
  const where = await makeLibrary();
  const inner = await lmdbStore(where);
  const warnings: string[] = [];
  const dying = watched(inner, {
    before: (deleted) => {
      if (deleted.some(([, part]) => String(part).startsWith("vectors1"))) throw new Error("killed");
    },
  });
  const memory = await openOver(dying, (message) => warnings.push(message));
  await memory.reembed(wider);
  expect(warnings).toEqual([expect.stringContaining("killed")]);
  expect(manifestOf(inner).active).toBe(2);
  expect(orphansOf(inner).length).toBeGreaterThan(0);
  expect(orphansOf(inner).every((part) => part.includes("/vectors1"))).toBe(true);
  await memory.close();
  await (await open(where, { embedder: wider, workers: 0 })).close();
  await using store = await lmdbStore(where);
  expect(orphansOf(store)).toEqual([]);
});

test("an opening drops the vectors that no manifest names and nothing else", async () => {
  const where = await makeLibrary();
  {
    await using store = await lmdbStore(where);
    const { id } = manifestOf(store).segments[0]!;
    await store.batch((batch) => {
      for (const name of ["vectors0/coarse", "vectors1/coarser", "vectors11/fine"])
        for (const page of [0, 1, 7]) batch.put(NS.segments, [id, name, page], new Uint8Array(9));
      batch.put(NS.segments, [id + 50, "rows", 0], new Uint8Array(9));
    });
    expect(orphansOf(store)).toHaveLength(4);
  }
  {
    await using memory = await open(where, { embedder: first, workers: 0 });
    expect(ids(await memory.search("ship", { k: 40 }))).toHaveLength(ships.length + animals.length);
  }
  await using store = await lmdbStore(where);
  expect(orphansOf(store)).toEqual([]);
  const { segments } = manifestOf(store);
  const lying = new Set([...store.range(NS.segments)].map(({ key }) => `${key[0]}/${key[1]}`));
  for (const { id, parts } of segments)
    for (const [name, bytes] of Object.entries(parts))
      expect(lying.has(`${id}/${name}`), name).toBe(bytes > 0);
});
