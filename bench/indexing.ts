/**
 * Where does the time of indexing go? Processor milliseconds per MB of text, one thread: whole batches as a worker prepares them, the
 * first ones cold, then each stage alone and warm, rounds interleaved. Processor time, because a clock on the wall measures the neighbours.
 */
import { bundledEmbedder } from "../src/embed/bundled.ts";
import { columnsKind } from "../src/index/filter/columns.ts";
import { wordsKind } from "../src/index/text/words-kind.ts";
import { matrix } from "../src/linalg/matrix.ts";
import { chunk } from "../src/memory/ingest/chunk.ts";
import { itemFromFile } from "../src/memory/ingest/read.ts";
import { itemHash } from "../src/memory/item-hash.ts";
import { encodeItemRecord } from "../src/memory/item-record.ts";
import { buildItems } from "../src/memory/items-kind.ts";
import { codersOf, newSpaceEntry } from "../src/memory/spaces.ts";
import { prepareItem } from "../src/memory/writer/prepare.ts";
import { perform } from "../src/memory/writer/work.ts";
import { type Doc, readCorpus } from "./library-data.ts";
import { dataFolder, printFigure, quantile } from "./row.ts";

const DIM = 256;
/** Text of a batch, in UTF-16 units, as `add` hands it to a worker. */
const BATCH_TEXT = 8 << 20;
/** Batches that one of two workers gets of a corpus of 64 MB. */
const BATCHES = 4;
const ROUNDS = 5;
/** Of so many documents one is in the batch whose stages are timed alone. */
const STAGE_SHARE = 16;
const NOW = 1_700_000_000_000;
const MB = 1e6;

interface Stage {
  readonly name: string;
  readonly run: () => unknown;
  readonly milliseconds: number[];
}

/** The first `count` runs of documents with `size` units each. */
function batchesOf(documents: readonly Doc[], count: number, size: number): Doc[][] {
  const batches: Doc[][] = [];
  let batch: Doc[] = [];
  let units = 0;
  for (const document of documents) {
    batch.push(document);
    units += document.text.length;
    if (units < size) continue;
    batches.push(batch);
    [batch, units] = [[], 0];
  }
  return batches.slice(0, count);
}

const megabytesOf = (documents: readonly Doc[]): number =>
  documents.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0) / MB;

async function processorMs(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

async function timeWhole(batches: readonly (readonly Doc[])[]): Promise<void> {
  const space = await spaceEntry();
  let [total, text, bytes] = [0, 0, 0];
  for (const [i, documents] of batches.entries()) {
    const megabytes = megabytesOf(documents);
    const items = documents.map((item) => ({ item }));
    const milliseconds = await processorMs(async () => {
      const embedder = { bundledDim: DIM };
      const { parts } = await perform({ kind: "items", items, now: NOW, space, embedder });
      for (const size of Object.values(parts.sizes)) bytes += size;
    });
    total += milliseconds;
    text += megabytes;
    report(`batch ${i + 1}, whole`, milliseconds / megabytes, `${megabytes.toFixed(1)} MB`);
  }
  const note = `${(text / (total / 1000)).toFixed(1)} MB per processor second, stored ${((100 * bytes) / MB / text).toFixed(1)}% of the text`;
  report("all batches, whole", total / text, note);
}

async function spaceEntry(): Promise<ReturnType<typeof newSpaceEntry>> {
  const embedder = await bundledEmbedder({ dim: DIM });
  return newSpaceEntry(0, embedder);
}

async function stagesOf(documents: readonly Doc[]): Promise<Stage[]> {
  const prepared = documents.map((item) => prepareItem(item, undefined, NOW, "0".repeat(64)));
  const passages = prepared.flatMap((one) => one.passages);
  const coded = prepared.map((one) => ({
    record: encodeItemRecord(one.record),
    text: one.text,
    rows: one.passages.length,
  }));
  const runs = prepared.map((one) => ({ meta: one.columns, rows: one.passages.length }));
  const files = documents.map(({ text }) => new TextEncoder().encode(text));
  const embedder = await bundledEmbedder({ dim: DIM });
  const { coarse, fine } = codersOf(newSpaceEntry(0, embedder));
  const vectors = await embedder.embed(passages);
  const stages: Record<string, () => unknown> = {
    "read Markdown (folders only)": async () => {
      for (const [i, bytes] of files.entries()) await itemFromFile(`${i}.md`, bytes);
    },
    hash: () => documents.map((item) => itemHash(item)),
    "headings and chunks": () => documents.map(({ text }) => chunk(text)),
    "prepare, with chunks": () => documents.map((item) => prepareItem(item, undefined, NOW, "0".repeat(64))),
    "encode records": () => prepared.map((one) => encodeItemRecord(one.record)),
    "compress records and texts": () => buildItems(coded),
    columns: () => columnsKind.build(runs),
    words: () => wordsKind.build(passages),
    embed: () => embedder.embed(passages),
    "coarse codes": () => coarse.encode(matrix(passages.length, DIM, vectors.data)),
    "fine codes": () => fine.encode(matrix(passages.length, DIM, vectors.data)),
  };
  return Object.entries(stages).map(([name, run]) => ({ name, run, milliseconds: [] }));
}

async function timeStages(documents: readonly Doc[]): Promise<void> {
  const megabytes = megabytesOf(documents);
  const stages = await stagesOf(documents);
  for (let round = 0; round <= ROUNDS; round++) {
    for (const { run, milliseconds } of stages) {
      globalThis.gc?.();
      const taken = await processorMs(run);
      if (round > 0) milliseconds.push(taken);
    }
  }
  for (const { name, milliseconds } of stages) report(name, quantile(milliseconds, 0.5) / megabytes);
}

function report(metric: string, ours: number, note?: string): void {
  printFigure("indexing", { metric, unit: "ms/MB", ours, better: "less", ...(note ? { note } : {}) });
}

const documents = readCorpus(dataFolder());
await timeWhole(batchesOf(documents, BATCHES, BATCH_TEXT));
await timeStages(documents.filter((_, i) => i % STAGE_SHARE === 0));
