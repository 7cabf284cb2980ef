/**
 * Flat: every coarse code is scored, the best are re-scored from the fine codes on disk. Exact up to the codes; no graph, no lists.
 * The two-stage search of RaBitQ (Gao & Long, SIGMOD 2024) and of binary embedding retrieval (BEBR, KDD 2023).
 */
import type { Metric, Scorer } from "../../codecs/codec.ts";
import { MnemeError } from "../../errors.ts";
import { kernels } from "../../kernels/index.ts";
import { type Hits, isAfter } from "../hits.ts";
import {
  fewOrdinals,
  ordinalOf,
  rowAt,
  type SearchOptions,
  type SegmentedIndex,
  type SegmentSource,
} from "../segment.ts";
import { Shortlist } from "../shortlist.ts";
import { TopK } from "../top-k.ts";
import { CodeBuffer } from "./code-buffer.ts";
import { Scratch } from "./scratch.ts";
import { TakenVectors } from "./taken-vectors.ts";
import { COARSE, FINE, rowBytes, type VectorCoders } from "./vectors-kind.ts";

export interface FlatOptions {
  readonly coders: VectorCoders;
  readonly metric?: Metric;
  /** Candidates re-scored per wanted hit, and at least `minRescore`. */
  readonly rescoreFactor?: number;
  readonly minRescore?: number;
}

export interface FlatSearchOptions extends SearchOptions {
  /** Candidates re-scored; default as the index was made. */
  readonly rescore?: number;
}

export const flatDefaults = { metric: "cosine", rescoreFactor: 4, minRescore: 1000 } as const;

/** Rows sifted by one call of the selection kernel. */
const SIFT_ROWS = 8192;

/** A run of rows with codes in RAM: an attached segment, or the tail. */
interface Run {
  readonly count: number;
  /** Scores of all rows, in `room`. */
  score(scorer: Scorer, room: Scratch): Float32Array;
  rowAt(ordinal: number): number;
  /** -1 when the run does not hold the row. */
  ordinalOf(row: number): number;
  /** Copies fine codes of some ordinals, ascending, to `out`. */
  gather(ordinals: Uint32Array, out: Uint8Array): Promise<void> | void;
  /** Ordinals that a filter lets through, when they are few. */
  few(filter: NonNullable<SearchOptions["filter"]>): Uint32Array | undefined;
  /** Copies row codes of some ordinals, ascending, to `out`. */
  coarse(ordinals: Uint32Array, out: Uint8Array): Promise<void> | void;
}

interface Segment extends Run {
  readonly codes: CodeBuffer;
}

/** Ordinals of some rows, run by run, each ascending. */
type Located = readonly { readonly run: Run; readonly ordinals: Uint32Array }[];

export class FlatIndex implements SegmentedIndex<Float32Array, Float32Array> {
  readonly #coders: VectorCoders;
  readonly #metric: Metric;
  readonly #factor: number;
  readonly #minimum: number;
  readonly #segments = new Map<number, Segment>();
  readonly #tailCoarse: CodeBuffer;
  readonly #tailFine: CodeBuffer;
  #tailRows: number[] = [];
  readonly #scores = new Scratch();
  readonly #sifted = new Uint32Array(SIFT_ROWS);

  constructor(options: FlatOptions) {
    this.#coders = options.coders;
    this.#metric = options.metric ?? flatDefaults.metric;
    this.#factor = options.rescoreFactor ?? flatDefaults.rescoreFactor;
    this.#minimum = options.minRescore ?? flatDefaults.minRescore;
    this.#tailCoarse = new CodeBuffer(rowBytes(options.coders.coarse));
    this.#tailFine = new CodeBuffer(rowBytes(options.coders.fine));
  }

  async attach(source: SegmentSource): Promise<void> {
    const bytes = source.size(COARSE);
    const stride = rowBytes(this.#coders.coarse);
    if (bytes !== source.rows.count * stride) {
      throw new MnemeError(
        "CORRUPT",
        `vectors: segment ${source.id} has ${bytes} bytes of codes, expected ${source.rows.count} rows x ${stride}`,
      );
    }
    const [codes] = await source.read([{ part: COARSE, start: 0, end: bytes }]);
    this.#segments.set(source.id, this.#segment(source, codes!));
  }

  detach(segmentId: number): void {
    this.#segments.get(segmentId)?.codes[Symbol.dispose]();
    this.#segments.delete(segmentId);
  }

  append(row: number, vector: Float32Array): void {
    const one = { rows: 1, cols: vector.length, data: vector };
    this.#tailCoarse.append(this.#coders.coarse.encode(one));
    this.#tailFine.append(this.#coders.fine.encode(one));
    this.#tailRows.push(row);
  }

  trimTail(lastRow: number): void {
    const keepFrom = this.#tailRows.findIndex((row) => row > lastRow);
    const dropped = keepFrom < 0 ? this.#tailRows.length : keepFrom;
    this.#tailRows = this.#tailRows.slice(dropped);
    this.#tailCoarse.dropFirst(dropped);
    this.#tailFine.dropFirst(dropped);
  }

  /**
   * @param query `dim` f32 values, trusted to be finite (the library's face checks).
   * Scores are those of the fine codes. A cursor widens the scan until `k` hits after it are certain.
   */
  async search(query: Float32Array, options: FlatSearchOptions): Promise<Hits> {
    const runs = this.#runs();
    const total = runs.reduce((sum, { count }) => sum + count, 0);
    for (let depth = options.rescore ?? Math.max(this.#minimum, options.k * this.#factor); ; depth *= 4) {
      const candidates = await this.#scan(runs, query, Math.min(depth, total), options);
      const hits = await this.#rescore(query, candidates, options);
      if (!options.after || hits.rows.length >= options.k || depth >= total) return hits;
    }
  }

  /** Fine codes of given rows, ascending, read once to be scored as often as one likes: what a fused ranking needs. */
  async take(rows: Uint32Array): Promise<TakenVectors> {
    const { located, places } = this.#locate(rows);
    return new TakenVectors(
      this.#coders.fine,
      this.#metric,
      rows.length,
      places,
      await this.#gather(located),
    );
  }

  memory(): readonly { name: string; bytes: number }[] {
    let codes = this.#tailCoarse.bytes;
    for (const segment of this.#segments.values()) codes += segment.codes.bytes;
    return [
      { name: "vectors: coarse codes", bytes: codes + this.#coders.coarse.bytes + this.#coders.fine.bytes },
      { name: "vectors: tail", bytes: this.#tailFine.bytes + this.#tailRows.length * 8 },
      { name: "vectors: scratch", bytes: this.#scores.bytes + this.#sifted.byteLength },
    ];
  }

  [Symbol.dispose](): void {
    for (const id of [...this.#segments.keys()]) this.detach(id);
    this.#tailCoarse[Symbol.dispose]();
    this.#tailFine[Symbol.dispose]();
    this.#scores[Symbol.dispose]();
  }

  /** Segments in row order, then the tail. */
  #runs(): Run[] {
    const runs: Run[] = [...this.#segments.values()].filter(({ count }) => count > 0);
    runs.sort((a, b) => a.rowAt(0) - b.rowAt(0));
    if (this.#tailRows.length > 0) runs.push(this.#tail());
    return runs;
  }

  #segment(source: SegmentSource, rowCodes: Uint8Array): Segment {
    const { rows } = source;
    const { coarse, fine } = this.#coders;
    const { scan } = coarse;
    const stride = rowBytes(coarse);
    const codes = new CodeBuffer(scan ? scan.bytes : stride);
    codes.append(scan ? scan.arrange(rowCodes, rows.count) : rowCodes);
    return {
      codes,
      count: rows.count,
      score: (scorer, room) => {
        if (!scan) return scoreRows(scorer, codes, rows.count, room);
        const out = room.f32(Math.ceil(rows.count / scan.rows) * scan.rows);
        scorer.scoreBlocks!(codes.view(), out);
        return out.subarray(0, rows.count);
      },
      rowAt: (ordinal) => rowAt(rows, ordinal),
      ordinalOf: (row) => ordinalOf(rows, row),
      gather: (ordinals, out) => source.gather(FINE, rowBytes(fine), ordinals, out),
      few: (filter) => fewOrdinals(filter, rows),
      coarse: (ordinals, out) => source.gather(COARSE, stride, ordinals, out),
    };
  }

  #tail(): Run {
    const rows = this.#tailRows;
    const stride = rowBytes(this.#coders.fine);
    return {
      count: rows.length,
      score: (scorer, room) => scoreRows(scorer, this.#tailCoarse, rows.length, room),
      rowAt: (ordinal) => rows[ordinal]!,
      ordinalOf: (row) => {
        const ordinal = lowerBound(rows, row);
        return rows[ordinal] === row ? ordinal : -1;
      },
      gather: (ordinals, out) => {
        const fine = this.#tailFine.view();
        ordinals.forEach((o, i) => out.set(fine.subarray(o * stride, (o + 1) * stride), i * stride));
      },
      few: () => undefined,
      coarse: () => {},
    };
  }

  async #scan(
    runs: readonly Run[],
    query: Float32Array,
    depth: number,
    { filter }: SearchOptions,
  ): Promise<Located> {
    const scorer = this.#coders.coarse.scorer(query, this.#metric);
    const list = new Shortlist(depth);
    let first = 0;
    for (const run of runs) {
      const few = filter && run.few(filter);
      if (few) await this.#selectFew(scorer, run, few, first, list);
      else this.#select(scorer, run, first, list, filter);
      first += run.count;
    }
    return splitByRun(runs, list.finish());
  }

  #select(scorer: Scorer, run: Run, first: number, list: Shortlist, filter: SearchOptions["filter"]): void {
    const scores = run.score(scorer, this.#scores);
    // the list's threshold only rises: stripes are sifted by the kernel, survivors by the list
    for (let start = 0; start < run.count; start += SIFT_ROWS) {
      const stripe = scores.subarray(start, Math.min(run.count, start + SIFT_ROWS));
      const found = kernels().selectAbove(stripe, list.threshold, this.#sifted);
      for (let i = 0; i < found; i++) {
        const ordinal = start + this.#sifted[i]!;
        if (!filter || filter.has(run.rowAt(ordinal))) list.push(scores[ordinal]!, first + ordinal);
      }
    }
  }

  async #selectFew(
    scorer: Scorer,
    run: Run,
    few: Uint32Array,
    first: number,
    list: Shortlist,
  ): Promise<void> {
    const own = new Uint8Array(few.length * rowBytes(this.#coders.coarse));
    await run.coarse(few, own);
    const scores = new Float32Array(few.length);
    scorer.score(own, 0, few.length, scores);
    few.forEach((ordinal, i) => list.push(scores[i]!, first + ordinal));
  }

  async #rescore(query: Float32Array, candidates: Located, options: SearchOptions): Promise<Hits> {
    const scores = await this.#fineScores(query, candidates);
    const heap = new TopK(Math.min(options.k, scores.length));
    let at = 0;
    for (const { run, ordinals } of candidates) {
      for (const ordinal of ordinals) {
        const score = scores[at++]!;
        if (options.minScore !== undefined && score < options.minScore) continue;
        if (score < heap.threshold) continue;
        const row = run.rowAt(ordinal);
        if (!options.after || isAfter(options.after, score, row)) heap.push(score, row);
      }
    }
    return heap.drain();
  }

  /** @param rows ascending. @returns where they lie, and the index in `rows` of each that was found */
  #locate(rows: Uint32Array): { located: Located; places: number[] } {
    const located: { run: Run; ordinals: Uint32Array }[] = [];
    const places: number[] = [];
    let place = 0;
    for (const run of this.#runs()) {
      const last = run.rowAt(run.count - 1);
      const ordinals: number[] = [];
      for (; place < rows.length && rows[place]! <= last; place++) {
        const ordinal = run.ordinalOf(rows[place]!);
        if (ordinal < 0) continue;
        ordinals.push(ordinal);
        places.push(place);
      }
      if (ordinals.length > 0) located.push({ run, ordinals: Uint32Array.from(ordinals) });
    }
    return { located, places };
  }

  /** Fine codes of the candidates, back to back. Owned: searches may overlap while pages are read. */
  async #gather(candidates: Located): Promise<Uint8Array> {
    const stride = rowBytes(this.#coders.fine);
    const total = candidates.reduce((sum, { ordinals }) => sum + ordinals.length, 0);
    const codes = new Uint8Array(total * stride);
    let at = 0;
    for (const { run, ordinals } of candidates) {
      const under = run.gather(ordinals, codes.subarray(at, at + ordinals.length * stride));
      if (under) await under;
      at += ordinals.length * stride;
    }
    return codes;
  }

  async #fineScores(query: Float32Array, candidates: Located): Promise<Float32Array> {
    const codes = await this.#gather(candidates);
    const count = codes.length / rowBytes(this.#coders.fine);
    const scores = new Float32Array(count);
    this.#coders.fine.scorer(query, this.#metric).score(codes, 0, count, scores);
    return scores;
  }
}

function scoreRows(scorer: Scorer, codes: CodeBuffer, count: number, room: Scratch): Float32Array {
  const out = room.f32(count);
  scorer.score(codes.view(), 0, count, out);
  return out;
}

/** Places in the concatenation of all runs, ascending, as ordinals of each. */
function splitByRun(runs: readonly Run[], places: Uint32Array): Located {
  const located: { run: Run; ordinals: Uint32Array }[] = [];
  let first = 0;
  let from = 0;
  for (const run of runs) {
    let to = from;
    while (to < places.length && places[to]! < first + run.count) to++;
    if (to > from) {
      const start = first;
      located.push({ run, ordinals: places.subarray(from, to).map((place) => place - start) });
    }
    from = to;
    first += run.count;
  }
  return located;
}

/** First index whose value is >= `row` in an ascending list. */
function lowerBound(rows: readonly number[], row: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rows[middle]! < row) low = middle + 1;
    else high = middle;
  }
  return low;
}
