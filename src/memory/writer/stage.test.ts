/** A commit that fails leaves none of the pages that were written before it. */
import { expect, test } from "vitest";
import { temporaryFolder, toyEmbedder } from "../../../test/support/memory.ts";
import { watched } from "../../../test/support/watched-store.ts";
import { Random } from "../../linalg/random.ts";
import { Budget } from "../../storage/budget.ts";
import { lmdbStore } from "../../storage/lmdb-store.ts";
import { type Item, open } from "../index.ts";
import { decodeManifest, MANIFEST_KEY, NS } from "../layout.ts";
import { Library } from "../library.ts";
import { LibraryMemory } from "../memory.ts";

const { path } = temporaryFolder();
const embedder = toyEmbedder();

/** More than a mebibyte that does not compress: staged, not a part of its commit. */
function bulk(name: string): Item[] {
  const random = new Random(1);
  const data = (): Uint8Array =>
    new Uint8Array(new Uint32Array(100_000).map(() => random.integer(2 ** 31)).buffer);
  return Array.from({ length: 4 }, (_, i) => ({ id: `${name}-${i}`, text: "", data: data() }));
}

test.each(["add", "compact"] as const)("pages that %s staged go when their commit fails", async (verb) => {
  const where = path();
  await (await open(where, { embedder, workers: 0 })).close();
  const inner = await lmdbStore(where);
  let isFull = false;
  const store = watched(inner, {
    putting: (put) => {
      if (isFull && put.some(([namespace, [first]]) => namespace === NS.library && first === MANIFEST_KEY[0]))
        throw new Error("disk full");
    },
  });
  const memory = new LibraryMemory(await Library.open(store, new Budget(1e9)), embedder, {
    undoWindowMs: 0,
    workers: 0,
    onWarning: () => {},
  });
  await memory.startWriter(store);
  await memory.add(bulk("a"));
  await memory.add(bulk("b"));
  isFull = true;
  await expect(verb === "add" ? memory.add(bulk("c")) : memory.compact()).rejects.toThrow("disk full");
  const { segments } = decodeManifest(inner.get(NS.library, MANIFEST_KEY)!, "");
  const named = segments.map(({ id }) => id);
  expect(named).toHaveLength(2);
  expect([...new Set([...inner.range(NS.segments)].map(({ key }) => key[0]))]).toEqual(named);
  isFull = false;
  expect(await memory.add(bulk("c"))).toMatchObject({ added: 4 });
  await memory.compact();
  expect(memory.info()).toMatchObject({ items: 12, segments: 1 });
  await memory.close();
});
