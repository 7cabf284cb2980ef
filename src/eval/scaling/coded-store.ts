/** A store of vectors coded by one codec, scanned whole: what the same bytes of RAM buy with another codec. */
import type { Coder, Metric } from "../../codecs/codec.ts";
import { MnemeError } from "../../errors.ts";
import { type Matrix, rowOf } from "../../linalg/matrix.ts";
import type { Datastore } from "./plan.ts";
import type { Found, TextOf } from "./selection.ts";

export interface CodedStoreInput {
  /** Ids of documents. */
  readonly ids: readonly string[];
  /** Document of each row of `vectors`, ascending: a document may have several passages, the best one counts. */
  readonly documentOf: Uint32Array;
  readonly vectors: Matrix;
  readonly coder: Coder;
  readonly metric?: Metric;
  readonly embed: (query: string) => Promise<Float32Array>;
  readonly text?: TextOf;
}

/** Bytes are those of the codes. @throws MnemeError UNSUPPORTED for a codec without a fixed row size, DIMENSION */
export function codedStore(input: CodedStoreInput): Datastore {
  const { ids, documentOf, vectors, coder, metric = "cosine", embed, text } = input;
  if (coder.blockRows !== 1 || coder.blockBytes === null)
    throw new MnemeError("UNSUPPORTED", `scaling: codec ${coder.id} has no fixed bytes a row`);
  if (documentOf.length !== vectors.rows)
    throw new MnemeError("DIMENSION", `scaling: ${documentOf.length} documents of ${vectors.rows} rows`);
  const codes = coder.encode(vectors);
  const scores = new Float32Array(vectors.rows);
  const passages = new Uint32Array(ids.length);
  for (const document of documentOf) passages[document]!++;
  return {
    documents: ids.map((id, i) => ({ id, bytes: passages[i]! * coder.blockBytes! })),
    async retrieve(query, depth) {
      coder.scorer(await embed(query), metric).score(codes, 0, vectors.rows, scores);
      return bestDocuments(scores, documentOf, ids, depth);
    },
    ...(text ? { text } : {}),
  };
}

/** Equal scores: the document that comes first. */
function bestDocuments(
  scores: Float32Array,
  documentOf: Uint32Array,
  ids: readonly string[],
  depth: number,
): Found[] {
  const best = new Float32Array(ids.length).fill(Number.NEGATIVE_INFINITY);
  for (let row = 0; row < scores.length; row++) {
    const document = documentOf[row]!;
    if (scores[row]! > best[document]!) best[document] = scores[row]!;
  }
  const sorted = best.slice().sort();
  const least = sorted[Math.max(0, sorted.length - depth)]!;
  const chosen: number[] = [];
  best.forEach((score, document) => {
    if (score >= least && score > Number.NEGATIVE_INFINITY) chosen.push(document);
  });
  chosen.sort((a, b) => best[b]! - best[a]! || a - b);
  return chosen.slice(0, depth).map((document) => ({ id: ids[document]!, score: best[document]! }));
}

/** Rows of those documents alone: what a really smaller store is made of. */
export function someRows(
  { vectors, documentOf, ids }: Pick<CodedStoreInput, "vectors" | "documentOf" | "ids">,
  keep: (id: string) => boolean,
): Pick<CodedStoreInput, "vectors" | "documentOf" | "ids"> {
  const places = new Map<number, number>();
  ids.forEach((id, document) => {
    if (keep(id)) places.set(document, places.size);
  });
  const rows = [...documentOf.keys()].filter((row) => places.has(documentOf[row]!));
  const data = new Float32Array(rows.length * vectors.cols);
  rows.forEach((row, i) => data.set(rowOf(vectors, row), i * vectors.cols));
  return {
    ids: [...places.keys()].map((document) => ids[document]!),
    documentOf: Uint32Array.from(rows, (row) => places.get(documentOf[row]!)!),
    vectors: { rows: rows.length, cols: vectors.cols, data },
  };
}
