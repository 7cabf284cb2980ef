/**
 * How fast, small and good is the words index? Indexing MB/s of one core, bytes of each part against the text, query latency, RAM, merge
 * against re-indexing, and nDCG@10 on three judged sets. --only speed or quality.
 */
import { RowSet } from "../src/index/row-set.ts";
import { contiguousRows, memorySegment, type Parts, type SegmentInput } from "../src/index/segment.ts";
import { WordsIndex } from "../src/index/text/words-index.ts";
import { wordsKind } from "../src/index/text/words-kind.ts";
import { corpusPassages, type Judged, judgedSets, ndcg10, percentile } from "./bm25-data.ts";
import { switches } from "./row.ts";

const SEGMENTS = 4;

/** Seconds of CPU in this process: other work on the machine does not count. */
function cpuSeconds(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

async function speed(queries: readonly string[]): Promise<Record<string, number>> {
  const passages = corpusPassages();
  const bytes = passages.reduce((sum, passage) => sum + Buffer.byteLength(passage), 0);
  const figures: Record<string, number> = { rows: passages.length, textMB: bytes / 1e6 };
  let parts: Parts = new Map();
  const wall: number[] = [];
  const cpu: number[] = [];
  for (let round = 0; round < 3; round++) {
    const start = performance.now();
    cpu.push(cpuSeconds(() => (parts = wordsKind.build(passages))));
    wall.push((performance.now() - start) / 1000);
  }
  figures.firstMBps = bytes / 1e6 / wall[0]!;
  figures.bestMBps = bytes / 1e6 / Math.min(...wall);
  figures.bestMBpsCpu = bytes / 1e6 / Math.min(...cpu);
  for (const [name, part] of parts) figures[`part ${name} %`] = (100 * part.byteLength) / bytes;
  Object.assign(figures, await latency(parts, passages.length, queries));
  Object.assign(figures, merging(passages));
  return figures;
}

async function latency(
  parts: Parts,
  rows: number,
  queries: readonly string[],
): Promise<Record<string, number>> {
  const index = new WordsIndex();
  await index.attach(memorySegment(1, contiguousRows(0, rows), parts));
  const times: number[] = [];
  for (let round = 0; round < 3; round++) {
    for (const query of queries) {
      const start = performance.now();
      await index.search(query, { k: 10 });
      if (round > 0) times.push(performance.now() - start);
    }
  }
  const ram = index.memory().reduce((sum, { bytes }) => sum + bytes, 0);
  return {
    queries: queries.length,
    "p50 ms": percentile(times, 0.5),
    "p99 ms": percentile(times, 0.99),
    "max ms": Math.max(...times),
    "RAM MB": ram / 1e6,
  };
}

function merging(passages: readonly string[]): Record<string, number> {
  const size = Math.ceil(passages.length / SEGMENTS);
  const inputs: SegmentInput[] = [];
  let building = 0;
  for (let first = 0; first < passages.length; first += size) {
    const group = passages.slice(first, first + size);
    const start = performance.now();
    inputs.push({ rows: contiguousRows(first, group.length), parts: wordsKind.build(group) });
    building += performance.now() - start;
  }
  const live = RowSet.range(0, passages.length);
  for (let row = 0; row < passages.length; row += 10) live.delete(row);
  const start = performance.now();
  wordsKind.merge(inputs, live);
  const merged = performance.now() - start;
  return { "merge ms": merged, "build of the same ms": building };
}

async function quality({ ids, texts, queries, qrels }: Judged): Promise<number> {
  const index = new WordsIndex();
  await index.attach(memorySegment(1, contiguousRows(0, ids.length), wordsKind.build(texts)));
  let sum = 0;
  for (const { id, text } of queries) {
    const judged = qrels.get(id);
    if (!judged) continue;
    const { rows } = await index.search(text, { k: 10 });
    sum += ndcg10(
      Array.from(rows, (row) => ids[row]!),
      judged,
    );
  }
  return sum / qrels.size;
}

async function main(): Promise<void> {
  const { only: what } = switches;
  const sets = judgedSets();
  const figures: Record<string, number> = {};
  if (what !== "speed") for (const set of sets) figures[`nDCG@10 ${set.name}`] = await quality(set);
  if (what !== "quality") {
    Object.assign(figures, await speed(sets.flatMap((set) => set.queries.map(({ text }) => text))));
  }
  for (const [name, value] of Object.entries(figures)) console.log(name.padEnd(28), value.toFixed(3));
  console.log(JSON.stringify({ bench: "bm25", ...figures }));
}

void main();
