/** Mneme, Orama and LanceDB behind one face: build everything from a prepared folder, then open it in a fresh process and search. */
import { closeSync, openSync, readSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { deserialize, serialize } from "node:v8";
import type { Memory } from "../src/memory/types.ts";
import { type Doc, readDocs, readFloats } from "./library-data.ts";
import { importPeer, type PeerModule } from "./peers.ts";
import { repository } from "./row.ts";

export const DIM = 256;
export const K = 10;

/** Ids of the best, best first. */
export type Search = (query: string, vector: Float32Array) => Promise<readonly string[]>;

export interface System {
  /** @returns seconds from passages and vectors in RAM to durable and fully indexed; reading them is not counted. */
  build(work: string): Promise<number>;
  /** Opens what `build` left on disk. */
  open(work: string): Promise<Search>;
  /** Files and folders, relative to the work folder, that hold it. */
  readonly place: string;
}

export async function openMneme(path: string, mode: "read" | "write"): Promise<Memory> {
  const product = (await import(join(repository, "dist/index.js"))) as typeof import("../src/index.ts");
  return product.open(path, { mode });
}

async function seconds(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

/** Cuts and embeds by itself: whole documents go in. */
function mneme(source: "add" | "index", { snippet = 0, feedback = true } = {}): System {
  const place = `${source}.mneme`;
  return {
    place,
    async build(work) {
      const documents = source === "add" ? readDocs(join(work, "documents.jsonl")) : [];
      const memory = await openMneme(join(work, place), "write");
      const taken = await seconds(async () => {
        if (source === "add") await memory.add(documents);
        else await memory.index(join(work, "folder"));
        await memory.idle();
      });
      await memory.close();
      return taken;
    },
    async open(work) {
      const memory = await openMneme(join(work, place), "read");
      return async (query) => {
        const { hits } = await memory.search(query, { k: K, snippet, feedback });
        return hits.map(({ id }) => id);
      };
    },
  };
}

/** Lucene's English stop words: without them Orama walks the postings of half the corpus for every query. */
const STOP_WORDS: readonly string[] =
  "a an and are as at be but by for if in into is it no not of on or such that the their then there these they this to was will with".split(
    " ",
  );

const oramaSchema = (): object => ({
  schema: { title: "string", text: "string", vector: `vector[${DIM}]` },
  components: { tokenizer: { language: "english", stemming: true, stopWords: [...STOP_WORDS] } },
});

/** Text index with English stemming and exact vectors; kept on disk as the structured clone of `save`. */
export async function oramaOf(documents: readonly Doc[], vectors: Float32Array): Promise<PeerModule> {
  const orama = await importPeer("@orama/orama");
  const db = orama.create(oramaSchema());
  const rows = documents.map((document, i) => ({
    ...document,
    vector: Array.from(vectors.subarray(i * DIM, (i + 1) * DIM)),
  }));
  await orama.insertMultiple(db, rows, 1000, undefined, true, 0);
  return db;
}

/** @param similarity cosine below which a vector hit does not count; Orama's default is 0.8 */
export function oramaSearch(orama: PeerModule, db: PeerModule, similarity: number, k: number = K): Search {
  return async (term, vector) => {
    const { hits } = await orama.search(db, {
      mode: "hybrid",
      term,
      properties: ["title", "text"],
      vector: { value: Array.from(vector), property: "vector" },
      similarity,
      limit: k,
    });
    return (hits as { id: string }[]).map(({ id }) => id);
  };
}

/** Bytes that one call of the file system takes; what Orama saves of 300,000 passages is more than its limit of 2 GiB. */
const CALL_BYTES = 1 << 30;

function writeLarge(path: string, bytes: Uint8Array): void {
  const file = openSync(path, "w");
  for (let at = 0; at < bytes.length; )
    at += writeSync(file, bytes, at, Math.min(CALL_BYTES, bytes.length - at));
  closeSync(file);
}

function readLarge(path: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(statSync(path).size);
  const file = openSync(path, "r");
  for (let at = 0; at < bytes.length; )
    at += readSync(file, bytes, at, Math.min(CALL_BYTES, bytes.length - at), at);
  closeSync(file);
  return bytes;
}

const orama: System = {
  place: "orama.bin",
  async build(work) {
    const { save } = await importPeer("@orama/orama");
    const [documents, vectors] = [
      readDocs(join(work, "passages.jsonl")),
      readFloats(join(work, "vectors.f32")),
    ];
    return seconds(async () => {
      writeLarge(join(work, this.place), serialize(save(await oramaOf(documents, vectors))));
    });
  },
  async open(work) {
    const module = await importPeer("@orama/orama");
    const db = module.create(oramaSchema());
    module.load(db, deserialize(readLarge(join(work, this.place))));
    return oramaSearch(module, db, 0.8);
  },
};

/** Rows below which LanceDB scans its vectors exactly: no loss, and no minutes of training. */
const EXACT_BELOW = 20_000;

/** One Arrow table in, then its full-text index (stems, no stop words) and IVF_PQ over cosine. */
export async function lanceOf(
  folder: string,
  documents: readonly Doc[],
  vectors: Float32Array,
): Promise<PeerModule> {
  const lance = await importPeer("@lancedb/lancedb");
  const db = await lance.connect(folder);
  const arrow = await importPeer("apache-arrow");
  const item = new arrow.Field("item", new arrow.Float32(), true);
  const child = arrow.makeData({ type: new arrow.Float32(), data: vectors });
  const list = arrow.makeData({
    type: new arrow.FixedSizeList(DIM, item),
    child,
    length: documents.length,
    nullCount: 0,
  });
  const words = (of: (document: Doc) => string): PeerModule =>
    arrow.vectorFromArray(documents.map(of), new arrow.Utf8());
  const columns = {
    id: words(({ id }) => id),
    title: words(({ title }) => title),
    text: words(({ text }) => text),
    vector: new arrow.Vector([list]),
  };
  const table = await db.createTable("passages", new arrow.Table(columns));
  const { Index } = lance;
  await table.createIndex("text", {
    config: Index.fts({ stem: true, removeStopWords: true, withPosition: false }),
  });
  const numPartitions = Math.max(1, Math.round(Math.sqrt(documents.length)));
  const config = Index.ivfPq({ distanceType: "cosine", numPartitions, numSubVectors: DIM / 8 });
  if (documents.length >= EXACT_BELOW) await table.createIndex("vector", { config });
  await table.optimize();
  return table;
}

export async function lanceSearch(table: PeerModule, k: number = K): Promise<Search> {
  const { rerankers } = await importPeer("@lancedb/lancedb");
  const reranker = await rerankers.RRFReranker.create();
  return async (query, vector) => {
    const found = table.query().nearestTo(vector).distanceType("cosine").nprobes(20).refineFactor(5);
    const fused = found.fullTextSearch(query, { columns: ["text"] }).rerank(reranker);
    const rows = (await fused.select(["id", "title"]).limit(k).toArray()) as { id: string }[];
    return rows.map(({ id }) => id);
  };
}

const lancedb: System = {
  place: "lance",
  async build(work) {
    const [documents, vectors] = [
      readDocs(join(work, "passages.jsonl")),
      readFloats(join(work, "vectors.f32")),
    ];
    return seconds(async () => {
      await lanceOf(join(work, this.place), documents, vectors);
    });
  },
  async open(work) {
    const lance = await importPeer("@lancedb/lancedb");
    const db = await lance.connect(join(work, this.place));
    return lanceSearch(await db.openTable("passages"));
  },
};

export const systems: Readonly<Record<string, System>> = {
  "mneme add": mneme("add"),
  "mneme add, no feedback": mneme("add", { feedback: false }),
  "mneme add, snippets": mneme("add", { snippet: 240 }),
  "mneme index": mneme("index"),
  orama,
  lancedb,
};
