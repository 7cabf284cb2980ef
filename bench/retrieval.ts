/**
 * Does Mneme find what people judged relevant? nDCG@10 on three judged sets: its words, meaning and hybrid retrievers beside a textbook
 * BM25, and beside the hybrids of Orama and LanceDB over the same texts and vectors. A document is one row for the peers; Mneme cuts
 * as it always does. LanceDB scans
 * sets of this size exactly.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundledEmbedder } from "../src/embed/bundled.ts";
import type { Embedder } from "../src/embed/embedder.ts";
import { evaluate, type TestSet } from "../src/eval/index.ts";
import type { Memory } from "../src/memory/types.ts";
import { JUDGED_SETS, type JudgedSet, readJudgedSet } from "./judged-sets.ts";
import { type Doc, embedAll } from "./library-data.ts";
import { lanceOf, lanceSearch, openMneme, oramaOf, oramaSearch, type Search } from "./library-systems.ts";
import { importPeer } from "./peers.ts";
import { ReferenceBm25 } from "./reference-bm25.ts";
import { printFigure, switches } from "./row.ts";

/** How Mneme is asked; "fused" is hybrid without feedback. */
const RETRIEVERS = {
  words: { retriever: "words" },
  meaning: { retriever: "meaning" },
  fused: { retriever: "hybrid", feedback: false },
  hybrid: { retriever: "hybrid" },
} as const;
/** Cosine below which a hit of Orama's vectors does not count; its default of 0.8 leaves next to none of a static model's. */
const SIMILARITY = 0.5;
const K = 10;
const REFERENCE = "reference BM25";
/** Words may score so much below the reference, and hybrid must score so much above. */
const WITHIN = 0.005;
const GAIN = 0.02;

type Judged = (search: Search) => Promise<number>;

function judge(set: TestSet, embedder: Embedder): Judged {
  return async (search) => {
    const { ndcg10 } = await evaluate(set, async (query) =>
      search(query, (await embedder.embed([query])).data),
    );
    return ndcg10;
  };
}

async function ours(
  documents: readonly Doc[],
  work: string,
  judged: Judged,
): Promise<Record<string, number>> {
  const memory: Memory = await openMneme(join(work, "set.mneme"), "write");
  await memory.add(documents);
  await memory.idle();
  const found: Record<string, number> = {};
  for (const [name, how] of Object.entries(RETRIEVERS)) {
    const search: Search = async (query) => {
      const { hits } = await memory.search(query, { k: K, snippet: 0, ...how });
      return hits.map(({ id }) => id);
    };
    found[name] = await judged(search);
  }
  await memory.close();
  return found;
}

async function theirs(
  documents: readonly Doc[],
  work: string,
  judged: Judged,
  embedder: Embedder,
): Promise<Record<string, number>> {
  const rows = documents.map(({ id, title, text }) => ({
    id,
    title,
    text: title ? `${title}\n\n${text}` : text,
  }));
  const texts = rows.map(({ text }) => text);
  const bm25 = new ReferenceBm25(texts);
  const found: Record<string, number> = {
    [REFERENCE]: await judged(async (query) => bm25.search(query, K).map((i) => documents[i]!.id)),
  };
  const vectors = await embedAll(embedder, texts);
  const [orama, db] = [await importPeer("@orama/orama"), await oramaOf(documents, vectors)];
  found["Orama hybrid"] = await judged(oramaSearch(orama, db, SIMILARITY, K));
  const table = await lanceOf(join(work, "lance"), rows, vectors);
  found["LanceDB hybrid"] = await judged(await lanceSearch(table, K));
  return found;
}

/** nDCG@10 by retriever or system. */
type Scores = Readonly<Record<string, number>>;

async function compare(name: JudgedSet, embedder: Embedder): Promise<Scores> {
  const set = await readJudgedSet(name);
  const work = mkdtempSync(join(tmpdir(), "mneme-bench-"));
  try {
    const judged = judge(set, embedder);
    const own = await ours(set.documents, work, judged);
    const others = await theirs(set.documents, work, judged, embedder);
    report(name, own, others, `${set.queries.length} queries`);
    return { ...own, ...others };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function report(name: string, own: Scores, others: Scores, note: string): void {
  const common = { unit: "", better: "more", note } as const;
  for (const retriever of Object.keys(RETRIEVERS)) {
    const metric = `${name}: nDCG@10, ${retriever}`;
    for (const [system, baseline] of Object.entries(others)) {
      const isFused = retriever === "hybrid" || retriever === "fused";
      const claimed = isFused && system !== REFERENCE ? { atLeast: 1 } : {};
      printFigure("retrieval", { ...common, system, metric, ours: own[retriever]!, baseline, ...claimed });
    }
  }
  const words = { ...common, ours: own.words!, least: others[REFERENCE]! - WITHIN };
  printFigure("retrieval", { ...words, metric: `${name}: words, at most ${WITHIN} below ${REFERENCE}` });
  const hybrid = { system: "words", ours: own.hybrid!, baseline: own.words!, atLeast: 1 };
  printFigure("retrieval", { ...common, ...hybrid, metric: `${name}: nDCG@10, hybrid over words` });
}

/** What hybrid gains over words alone and over the reference, on average. */
function reportGain(all: readonly Scores[]): void {
  const mean = (of: string): number => all.reduce((sum, scores) => sum + scores[of]!, 0) / all.length;
  for (const below of ["words", REFERENCE]) {
    const gain = { ours: mean("hybrid") - mean(below), unit: "", better: "more", least: GAIN } as const;
    printFigure("retrieval", { ...gain, metric: `average: nDCG@10 of hybrid above ${below}` });
  }
}

async function main(): Promise<void> {
  process.env.LANCEDB_LOG ??= "error";
  process.env.RUST_LOG ??= "error";
  const embedder = await bundledEmbedder({ dim: 256 });
  const all: Scores[] = [];
  for (const name of Object.keys(JUDGED_SETS) as JudgedSet[]) {
    if (!switches.only || switches.only === name) all.push(await compare(name, embedder));
  }
  if (!switches.only) reportGain(all);
  process.exit(0);
}

void main();
