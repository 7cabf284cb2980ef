/**
 * What the benchmark of binary embeddings searches: made-up pairs with and without a nuisance, texts of the corpus in which a sentence should
 * find its passage, and word vectors of which the neighbours are sought. Nothing that is asked or searched is trained on, but the words.
 */
import { bundledEmbedder } from "../src/embed/bundled.ts";
import { SynthPairs } from "../src/eval/synth-pairs.ts";
import { kernels } from "../src/kernels/index.ts";
import { type Matrix, matrix, rowsOf } from "../src/linalg/matrix.ts";
import { Random } from "../src/linalg/random.ts";
import { sentences } from "../src/memory/ingest/sentences.ts";
import type { RbePairs } from "../src/train/index.ts";
import { type Doc, embedAll, passagesOf, readCorpus } from "./library-data.ts";
import { nearestIds, wordVectors } from "./public-vectors.ts";

export const K = 10;
export const SETS = ["nuisance", "plain", "texts", "words"] as const;
export type SetName = (typeof SETS)[number];

export interface BebrSet {
  readonly name: SetName;
  /** What is searched. */
  readonly rows: Matrix;
  readonly queries: Matrix;
  /** Right rows of each query: one, or its K nearest. */
  readonly truth: readonly ReadonlySet<number>[];
  /** What codes are trained on; rows and no pairs where neighbours are sought. */
  readonly pairs?: RbePairs;
}

const DIM = 256;
const COUNTS = { rows: 10_000, pairs: 20_000, queries: 2000 } as const;
/** Characters that a sentence which asks has at least. */
const ASKING = 40;

/** @param part "validation": texts of the training half alone, by which settings were chosen */
export async function bebrSet(
  name: SetName,
  data: string,
  scale: number,
  part: "test" | "validation" = "test",
): Promise<BebrSet> {
  switch (name) {
    case "nuisance":
      return synthetic(name, 0.7, scale);
    case "plain":
      return synthetic(name, 0, scale);
    case "texts":
      return texts(data, scale, part);
    case "words":
      return words(data);
    default:
      return name satisfies never;
  }
}

function synthetic(name: SetName, nuisance: number, scale: number): BebrSet {
  const source = new SynthPairs({ dim: DIM, nuisance });
  const { documents, queries } = source.pairs(COUNTS.rows * scale, 2);
  return {
    name,
    rows: documents,
    queries: rowsOf(queries, 0, COUNTS.queries),
    truth: Array.from({ length: COUNTS.queries }, (_, i) => new Set([i])),
    pairs: source.pairs(COUNTS.pairs, 1),
  };
}

/** A passage, and one of its sentences. */
interface Asked {
  readonly passage: string;
  readonly sentence: string;
}

async function texts(data: string, scale: number, part: "test" | "validation"): Promise<BebrSet> {
  const random = new Random(12);
  const all = random.shuffle(readCorpus(data));
  const documents = part === "test" ? all : all.slice(all.length >> 1);
  const half = documents.length >> 1;
  const searched = askedOf(documents.slice(0, half), COUNTS.rows * scale, random);
  const trained = askedOf(documents.slice(half), COUNTS.pairs, random);
  await using embedder = await bundledEmbedder({ dim: DIM });
  const vectors = async (all: readonly string[]): Promise<Matrix> =>
    matrix(all.length, DIM, await embedAll(embedder, all));
  const asking = searched.slice(0, COUNTS.queries);
  return {
    name: "texts",
    rows: await vectors(searched.map(({ passage }) => passage)),
    queries: await vectors(asking.map(({ sentence }) => sentence)),
    truth: asking.map((_, i) => new Set([i])),
    pairs: {
      queries: await vectors(trained.map(({ sentence }) => sentence)),
      documents: await vectors(trained.map(({ passage }) => passage)),
    },
  };
}

/** Passages in which a sentence is long enough to ask, each once, and that sentence. */
function askedOf(documents: readonly Doc[], count: number, random: Random): Asked[] {
  const found = new Map<string, Asked>();
  for (const document of documents) {
    for (const { text } of passagesOf(document)) {
      const long = sentences(text)
        .map(([start, end]) => text.slice(start, end))
        .filter((sentence) => sentence.length >= ASKING && sentence.length < text.length / 2);
      if (long.length > 1) found.set(text, { passage: text, sentence: long[random.integer(long.length)]! });
    }
    if (found.size >= count) break;
  }
  return random.shuffle([...found.values()]).slice(0, count);
}

function words(data: string): BebrSet {
  const { base, queries } = wordVectors(data);
  for (const rows of [base, queries]) kernels().normalizeF32(rows.data, rows.cols);
  const ids = nearestIds(data, "ann/lsa-words");
  const count = Math.min(COUNTS.queries, queries.rows);
  const truth = Array.from({ length: count }, (_, i) => new Set(ids.subarray(i * 100, i * 100 + K)));
  return { name: "words", rows: base, queries: rowsOf(queries, 0, count), truth };
}
