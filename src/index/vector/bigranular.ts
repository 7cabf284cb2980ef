/**
 * Bi-granular: short codes in RAM find candidates, long vectors on disk verify them, and the two are of different makers: each row has a
 * coarse and a fine vector, each query too. The score is fine + weight * coarse (Xiao et al., Progressively Optimized Bi-Granular Document
 * Representation, 2022). Pages of the disk are read best first and only while they may still hold one of the best k: the bound is learned
 * from earlier queries (`calibrateBound`), this project's own.
 */
import type { Coder } from "../../codecs/codec.ts";
import { MnemeError } from "../../errors.ts";
import { kernels } from "../../kernels/index.ts";
import type { Matrix } from "../../linalg/matrix.ts";
import { crc32 } from "../../storage/crc32.ts";
import type { Hits } from "../hits.ts";
import { type Parts, rowAt, type SegmentSource } from "../segment.ts";
import { Shortlist } from "../shortlist.ts";
import { rowsPerPage } from "../store-segment.ts";
import { TopK } from "../top-k.ts";
import type { Bound } from "./learned-bound.ts";
import { type ScannedSegmentRun, scannedRun } from "./run.ts";
import { Scratch } from "./scratch.ts";
import { COARSE, FINE, rowBytes, type VectorCoders } from "./vectors-kind.ts";

/** Parts that say which codes and vectors were written together. */
const COARSE_BUILD = "coarse-build";
const FINE_BUILD = "fine-build";
/** Pages of the first round of reads; each later one has as many as all before. */
const FIRST_PAGES = 8;
const SIFT_ROWS = 8192;

export interface BigranularOptions {
  readonly coders: VectorCoders;
  /** Of the coarse score in the final one; default 0.3. */
  readonly weight?: number;
}

/** A query as each of the two sides encodes it. */
export interface BigranularQuery {
  readonly coarse: Float32Array;
  readonly fine: Float32Array;
}

export interface BigranularSearchOptions {
  readonly k: number;
  /** Rows that are verified at most; default 1000, or all where there are fewer. */
  readonly candidates?: number;
  /** Without it all candidates are read. */
  readonly bound?: Bound;
}

export interface BigranularHits extends Hits {
  /** Pages of fine vectors that were read. */
  readonly pages: number;
  /** Pages that all candidates lie on. */
  readonly candidatePages: number;
}

export const bigranularDefaults = { weight: 0.3, candidates: 1000 } as const;

/**
 * Parts of a segment. Rows that are alike should follow each other, so that candidates share pages.
 * @param coarse vectors that the coarse coder codes @param fine and the fine one, row by row
 * @throws MnemeError DIMENSION
 */
export function buildBigranular(coders: VectorCoders, coarse: Matrix, fine: Matrix): Parts {
  if (coarse.rows !== fine.rows)
    throw new MnemeError("DIMENSION", `bigranular: ${coarse.rows} coarse rows, ${fine.rows} fine ones`);
  const [short, long] = [coders.coarse.encode(coarse), coders.fine.encode(fine)];
  const build = new Uint8Array(Uint32Array.of(crc32(short), crc32(long)).buffer);
  return new Map([
    [COARSE, short],
    [FINE, long],
    [COARSE_BUILD, build],
    [FINE_BUILD, build],
  ]);
}

/** A candidate: its place in the segment, and what its code says. */
interface Candidate {
  readonly ordinal: number;
  readonly coarse: number;
}

/** Candidates that lie on one page, and the best of their coarse scores. */
interface Page {
  readonly candidates: Candidate[];
  best: number;
}

/** One segment; dot products, for that is what adapters are trained for. */
export class BigranularIndex implements Disposable {
  readonly #coders: VectorCoders;
  readonly #weight: number;
  readonly #scores = new Scratch();
  readonly #sifted = new Scratch();
  #source: SegmentSource | undefined;
  #run: ScannedSegmentRun | undefined;

  constructor({ coders, weight = bigranularDefaults.weight }: BigranularOptions) {
    if (!(Number.isFinite(weight) && weight >= 0))
      throw new MnemeError("RANGE", `bigranular: weight must be a number from 0, got ${weight}`);
    this.#coders = coders;
    this.#weight = weight;
  }

  /** @throws MnemeError CORRUPT for parts of a wrong size, VERSION for codes and vectors that were not written together */
  async attach(source: SegmentSource): Promise<void> {
    for (const [part, coder] of [
      [COARSE, this.#coders.coarse],
      [FINE, this.#coders.fine],
    ] as const)
      checkSize(source, part, coder);
    const builds = await source.read(
      [COARSE_BUILD, FINE_BUILD].map((part) => ({ part, start: 0, end: source.size(part) })),
    );
    if (builds[0]!.length !== 8 || builds[0]!.some((byte, i) => byte !== builds[1]![i]))
      throw new MnemeError(
        "VERSION",
        `bigranular: segment ${source.id} has codes and vectors of different builds; build both again`,
      );
    const [codes] = await source.read([{ part: COARSE, start: 0, end: source.size(COARSE) }]);
    const run = await scannedRun(source, this.#coders, codes!);
    this.#run?.[Symbol.dispose]();
    this.#source = source;
    this.#run = run;
  }

  get rows(): number {
    return this.#run?.count ?? 0;
  }

  /** Rows by their codes alone. @throws MnemeError RANGE, STATE, DIMENSION, NOT_FINITE */
  candidates(query: Float32Array, count: number): Hits {
    const run = this.#attached();
    if (!(Number.isInteger(count) && count >= 1))
      throw new MnemeError("RANGE", `bigranular: ${count} candidates; expected a whole number from 1`);
    const found = this.#found(query, Math.min(count, run.count));
    found.sort((a, b) => b.coarse - a.coarse || a.ordinal - b.ordinal);
    return {
      rows: Uint32Array.from(found, ({ ordinal }) => run.rowAt(ordinal)),
      scores: Float32Array.from(found, ({ coarse }) => coarse),
    };
  }

  /** @throws MnemeError RANGE for k above the candidates, STATE without a segment, DIMENSION, NOT_FINITE, CORRUPT */
  async search(
    { coarse, fine }: BigranularQuery,
    { k, candidates = bigranularDefaults.candidates, bound }: BigranularSearchOptions,
  ): Promise<BigranularHits> {
    const run = this.#attached();
    // the one whose rows are verified, also where another is attached meanwhile
    const source = this.#source!;
    const depth = Math.min(candidates, run.count);
    if (!(Number.isInteger(k) && k >= 1 && k <= depth))
      throw new MnemeError(
        "RANGE",
        `bigranular: k is ${k}; expected a whole number from 1 to the ${depth} candidates`,
      );
    const scorer = this.#coders.fine.scorer(fine, "dot");
    const pages = pagesOf(this.#found(coarse, depth), rowBytes(this.#coders.fine));
    const best = new TopK(k);
    let read = 0;
    while (read < pages.length) {
      const some = pages.slice(read, read + Math.max(FIRST_PAGES, read));
      const wanted = bound ? some.filter((page) => this.#mayEnter(page, bound, best)) : some;
      await this.#verify(source, wanted, scorer.score.bind(scorer), best);
      read += wanted.length;
      // pages come best first: none behind the first that may not enter can
      if (wanted.length < some.length) break;
    }
    const hits = best.drain();
    return { ...hits, pages: read, candidatePages: pages.length };
  }

  /** Bytes of RAM, by structure. */
  memory(): readonly { readonly name: string; readonly bytes: number }[] {
    return [
      {
        name: "bigranular: codes",
        bytes: (this.#run?.bytes ?? 0) + this.#coders.coarse.bytes + this.#coders.fine.bytes,
      },
      { name: "bigranular: scratch", bytes: this.#scores.bytes + this.#sifted.bytes },
    ];
  }

  [Symbol.dispose](): void {
    this.#run?.[Symbol.dispose]();
    this.#run = undefined;
    this.#scores[Symbol.dispose]();
    this.#sifted[Symbol.dispose]();
  }

  #attached(): ScannedSegmentRun {
    if (!this.#run) throw new MnemeError("STATE", "bigranular: nothing to search; attach a segment first");
    return this.#run;
  }

  #mayEnter({ best: coarse }: Page, { slope, intercept, margin }: Bound, best: TopK): boolean {
    return (slope + this.#weight) * coarse + intercept + margin >= best.threshold;
  }

  /** The best by their codes, in no order. */
  #found(query: Float32Array, count: number): Candidate[] {
    const run = this.#attached();
    // room for what passes is made before there are scores, for it may detach them
    this.#sifted.u32(SIFT_ROWS);
    const scores = run.score(this.#coders.coarse.scorer(query, "dot"), this.#scores);
    const list = new Shortlist(count);
    const sifted = this.#sifted.u32(SIFT_ROWS);
    for (let start = 0; start < run.count; start += SIFT_ROWS) {
      const stripe = scores.subarray(start, Math.min(run.count, start + SIFT_ROWS));
      const passed = kernels().selectAbove(stripe, list.threshold, sifted);
      for (let i = 0; i < passed; i++) list.push(stripe[sifted[i]!]!, start + sifted[i]!);
      list.settle();
    }
    return Array.from(list.finish(), (ordinal) => ({ ordinal, coarse: scores[ordinal]! }));
  }

  async #verify(
    source: SegmentSource,
    pages: readonly Page[],
    score: (codes: Uint8Array, first: number, rows: number, out: Float32Array) => number,
    best: TopK,
  ): Promise<void> {
    const some = pages.flatMap(({ candidates }) => candidates).sort((a, b) => a.ordinal - b.ordinal);
    if (some.length === 0) return;
    const stride = rowBytes(this.#coders.fine);
    const codes = new Uint8Array(some.length * stride);
    const ordinals = Uint32Array.from(some, ({ ordinal }) => ordinal);
    await source.gather(FINE, stride, ordinals, codes);
    const scores = new Float32Array(some.length);
    score(codes, 0, some.length, scores);
    some.forEach(({ ordinal, coarse }, i) => {
      best.push(scores[i]! + this.#weight * coarse, rowAt(source.rows, ordinal));
    });
  }
}

function checkSize(source: SegmentSource, part: string, coder: Coder): void {
  const [size, stride] = [source.size(part), rowBytes(coder)];
  if (size !== source.rows.count * stride)
    throw new MnemeError(
      "CORRUPT",
      `bigranular: segment ${source.id} has ${size} bytes of ${part} vectors, expected ${source.rows.count} rows x ${stride}`,
    );
}

/** Pages with their candidates, the one of the best coarse score first. */
function pagesOf(candidates: readonly Candidate[], stride: number): Page[] {
  const most = rowsPerPage(stride);
  const pages = new Map<number, Page>();
  for (const candidate of candidates) {
    const number = Math.floor(candidate.ordinal / most);
    const page = pages.get(number);
    if (!page) pages.set(number, { candidates: [candidate], best: candidate.coarse });
    else {
      page.candidates.push(candidate);
      page.best = Math.max(page.best, candidate.coarse);
    }
  }
  return [...pages.values()].sort(
    (a, b) => b.best - a.best || a.candidates[0]!.ordinal - b.candidates[0]!.ordinal,
  );
}

/** Rows in an order in which those of one cluster follow each other. @param assignment cluster of each row */
export function clusterOrder(assignment: Uint32Array): Uint32Array {
  return Uint32Array.from(assignment.keys()).sort((a, b) => assignment[a]! - assignment[b]! || a - b);
}
