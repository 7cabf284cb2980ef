/**
 * The same questions asked of a library that files its items under labels of its own, a document an item of one passage: by its defaults, and
 * by what `tune` finds the labels worth on the questions of the other folds.
 */
import { bundledEmbedder } from "../src/embed/bundled.ts";
import { rowOf } from "../src/linalg/matrix.ts";
import { type Memory, open } from "../src/memory/index.ts";
import type { CubeSet } from "./hypercube-data.ts";
import { FOLDS } from "./hypercube-folds.ts";

/** Documents of a ranking that are judged. */
const JUDGED = 3;

export interface LibraryRankings {
  readonly plain: readonly (readonly number[])[];
  readonly tuned: readonly (readonly number[])[];
  /** Of a search by words, meaning and cube, by the defaults. */
  readonly ms: readonly number[];
}

/** @param folds of the questions */
export async function libraryRankings(
  { documents, questions }: CubeSet,
  folds: readonly number[],
): Promise<LibraryRankings> {
  await using memory = await open(":memory:", { workers: 0, cube: true, budget: "512MB" });
  const embedder = await bundledEmbedder();
  const vectors = await embedder.embed(documents);
  // an item that brings its vector is not cut: the baselines rank whole documents too
  await memory.add(
    documents.map((text, row) => ({ id: String(row), text, vector: rowOf(vectors, row).slice() })),
  );
  await memory.idle();
  const plain: number[][] = [];
  const ms: number[] = [];
  for (const { question } of questions) {
    plain.push(await first(memory, question));
    const begun = performance.now();
    await memory.search(question, { k: JUDGED, snippet: 0 });
    ms.push(performance.now() - begun);
  }
  const tuned: number[][] = [];
  for (let fold = 0; fold < FOLDS; fold++) {
    const log = questions
      .filter((_, i) => folds[i] !== fold)
      .map(({ question, relevant }) => ({
        query: question,
        relevant: Object.fromEntries([...relevant].map((row) => [String(row), 1])),
      }));
    await memory.tune(log, { parts: ["cube"] });
    for (const [i, { question }] of questions.entries())
      if (folds[i] === fold) tuned[i] = await first(memory, question);
  }
  return { plain, tuned, ms };
}

/** Every hit by the cube names the labels that it was found by. */
async function first(memory: Memory, question: string): Promise<number[]> {
  const { hits } = await memory.search(question, { k: JUDGED, snippet: 0 });
  for (const { id, reasons } of hits)
    if (reasons.length === 0 || reasons.some(({ by, labels }) => by === "cube" && !labels?.length))
      throw new Error(`bench: document ${id} is not explained`);
  return hits.map(({ id }) => Number(id));
}
