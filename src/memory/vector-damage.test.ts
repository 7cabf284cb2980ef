/** Parts of a vector index that are damaged, or of another version, though the store vouches for their bytes: said by name, done without, built anew. */
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { madeEmbedder, madeItems, madeVectors } from "../../test/support/made-vectors.ts";
import { ids, temporaryFolder } from "../../test/support/memory.ts";
import { openPath } from "../storage/open-path.ts";
import type { Store } from "../storage/store.ts";
import { type Memory, type OpenOptions, open, type VectorExplanation } from "./index.ts";

const DIM = 32;
const COUNT = 2200;
const { path } = temporaryFolder();
const items = madeItems(COUNT, DIM);
const queries = madeVectors(20, DIM, 2);
const embedder = madeEmbedder(DIM);
const KINDS = ["graph", "disk-graph", "lists"] as const;
const libraries = { graph: "", "disk-graph": "", lists: "" };

const opening = (where: string, options: OpenOptions): Promise<Memory> =>
  open(where, { embedder, workers: 0, ...options });

beforeAll(async () => {
  const flat = path();
  {
    await using memory = await opening(flat, { vectors: { index: "flat" } });
    await memory.add(items);
    await memory.compact();
  }
  for (const index of KINDS) {
    const where = copyOf(flat);
    await using memory = await opening(where, { vectors: { index } });
    await memory.compact();
    libraries[index] = where;
  }
}, 60_000);

function copyOf(where: string): string {
  const copy = path();
  cpSync(where, copy, { recursive: true });
  return copy;
}

async function recallOf(memory: Memory): Promise<number> {
  let [found, all] = [0, 0];
  for (const vector of queries) {
    const asked = { retriever: "meaning", snippet: 0, vector } as const;
    const exact = new Set(ids(await memory.search("", { ...asked, recall: 1 })));
    found += ids(await memory.search("", asked)).filter((id) => exact.has(id)).length;
    all += exact.size;
  }
  return found / all;
}

/** Changes pages of a part, with checksums that are right. */
async function change(where: string, part: string, page: (bytes: Uint8Array, place: number) => Uint8Array) {
  const options = { mode: "write", lock: "refuse", lockTimeoutMs: 0, commitThread: false } as const;
  const store = (await openPath(where, options)) as Store;
  const pages = [...store.range("segments")].filter(({ key }) => key[1] === part);
  expect(pages.length).toBeGreaterThan(0);
  const changed = pages.map(({ key, value }, i) => ({ key, value: page(value.slice(), i / pages.length) }));
  await store.batch((batch) => {
    for (const { key, value } of changed) batch.put("segments", key, value);
  });
  await store.close();
}

/** The centres of lists are the first of their values: they stay as they are. */
const spoilt = (bytes: Uint8Array, place: number): Uint8Array => (place < 0.5 ? bytes : bytes.fill(0x7f));
const whole = (bytes: Uint8Array): Uint8Array => bytes.fill(0x7f);

function ofVersion9(bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes).toString("latin1");
  expect(text).toMatch(/"version":\d,/);
  return Uint8Array.from(Buffer.from(text.replace(/"version":\d,/, '"version":9,'), "latin1"));
}

const damages = [
  ["links", "links that lead nowhere", whole, /part links leads to row \d+ of 2200/],
  ["entries", "entries that lead nowhere", whole, /part entries leads to row \d+ of 2200/],
  ["rows", "rows of another segment", whole, /part rows is missing/],
  ["shape", "a shape that is none", whole, /CORRUPT|no serialised/],
  ["shape", "another version", ofVersion9, /parts of version 9, this build reads \d; build the index anew/],
  ["recall", "no calibration", whole, /recall is no table of recall/],
] as const;

test.each(
  (["graph", "disk-graph"] as const).flatMap((index) => damages.map((damage) => [index, ...damage] as const)),
)("a %s whose part %s has %s is named, its segment scanned, and the index built anew", async (...given) => {
  const [index, part, , page, message] = given;
  const where = copyOf(libraries[index]);
  await change(where, `vectors1/${index}/${part}`, page);
  const said: string[] = [];
  const options = { vectors: { index }, onWarning: (text: string): unknown => said.push(text) } as const;
  {
    await using memory = await opening(where, { mode: "read", ...options });
    expect(said).toEqual([expect.stringMatching(/^segment \d+ is scanned: /)]);
    expect(said[0]).toMatch(message);
    expect(memory.explain()).toMatchObject([{ refused: said, searchedBy: { flat: COUNT } }]);
    expect(await recallOf(memory)).toBeGreaterThan(0.95);
  }
  await using memory = await opening(where, options);
  await memory.idle();
  expect(memory.explain()).toMatchObject([{ refused: [], searchedBy: { [index]: COUNT } }]);
  expect(await recallOf(memory)).toBeGreaterThan(0.95);
});

/** Flips a bit of a value on disk. @returns the file */
async function flip(where: string, part: string, page: number, at: number, bit: number): Promise<string> {
  const store = await openPath(where, { mode: "read", lock: "refuse", lockTimeoutMs: 0 });
  const segments = [...(store as Store).range("segments")];
  const pages = segments.filter(({ key }) => key[1] === part).map(({ value }) => Buffer.from(value));
  await store.close();
  const value = pages[page % pages.length]!;
  const file = join(where, readdirSync(where).find((name) => /^data-\d+\.mdb$/.test(name))!);
  const bytes = readFileSync(file);
  const start = bytes.indexOf(value);
  expect(start).toBeGreaterThan(0);
  bytes[start + (at % value.length)]! ^= 1 << bit;
  writeFileSync(file, bytes);
  return file;
}

test("a flipped bit of a disk-graph is named by file, part and page, and mended by compaction", async () => {
  const parts = fc.constantFrom("shape", "codes", "links", "rows", "recall");
  await fc.assert(
    fc.asyncProperty(parts, fc.nat(), fc.nat(), fc.nat(7), async (part, page, at, bit) => {
      const where = copyOf(libraries["disk-graph"]);
      const file = await flip(where, `vectors1/disk-graph/${part}`, page, at, bit);
      const options = { vectors: { index: "disk-graph" }, onWarning: () => {} } as const;
      {
        await using memory = await opening(where, { mode: "read", ...options });
        const [{ refused, searchedBy }] = memory.explain() as [VectorExplanation];
        expect(searchedBy).toEqual({ flat: COUNT });
        expect(refused[0]).toContain(`${file}: the value of segments/`);
        expect(refused[0]).toContain(`"vectors1/disk-graph/${part}"`);
      }
      await using memory = await opening(where, options);
      await memory.compact();
      expect(memory.explain()).toMatchObject([{ refused: [], searchedBy: { "disk-graph": COUNT } }]);
      expect(await recallOf(memory)).toBeGreaterThan(0.95);
    }),
    { seed: 8, numRuns: 6 },
  );
}, 60_000);

test("codes that lead walks astray are seen by nobody, yet hits are of the library and have their own scores", async () => {
  const where = copyOf(libraries["disk-graph"]);
  await change(where, "vectors1/disk-graph/codes", spoilt);
  await using memory = await opening(where, { mode: "read", vectors: { index: "disk-graph" } });
  for (const vector of queries) {
    const hits = await memory.search("", { retriever: "meaning", snippet: 0, vector });
    expect(hits.hits).toHaveLength(10);
    for (const { id, score } of hits) {
      const other = items[Number(id.slice("item".length))]!.vector!;
      const cosine = vector.reduce((sum, value, i) => sum + value * other[i]!, 0);
      expect(Math.abs(score - cosine)).toBeLessThan(0.02);
    }
  }
});

test("lists that turn out to be damaged are named, every vector scored instead, and the lists built anew", async () => {
  const where = copyOf(libraries.lists);
  await change(where, "vectors1/lists/values", spoilt);
  await using memory = await opening(where, { vectors: { index: "lists" } });
  expect(memory.explain()[0]!.searchedBy).toEqual({ lists: COUNT });
  expect(await recallOf(memory)).toBe(1);
  expect(memory.explain()[0]!.refused).toEqual([
    expect.stringMatching(/segment \d+ is scanned: spann "lists"/),
  ]);
  await memory.compact();
  expect(memory.explain()).toMatchObject([{ refused: [], searchedBy: { lists: COUNT } }]);
  expect(await recallOf(memory)).toBeGreaterThan(0.95);
});
