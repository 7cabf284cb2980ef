/**
 * Flat: every coarse code is scored, the best are re-scored from the fine codes on disk. Exact up to the codes. A segment that was given a
 * finder (a graph, lists) names its candidates by that instead; whatever named a row, its fine code decides, so scores compare.
 * The two-stage search of RaBitQ (Gao & Long, SIGMOD 2024) and of binary embedding retrieval (BEBR, KDD 2023).
 */
import type { Metric, Scorer } from "../../codecs/codec.ts";
import { MnemeError } from "../../errors.ts";
import type { LazyPool } from "../../kernels/index.ts";
import { slab } from "../../slab.ts";
import type { MaybePromise } from "../../storage/store.ts";
import { emptyHits, type Hits, isAfter } from "../hits.ts";
import { growingK, type RangeOptions } from "../range.ts";
import type { SearchOptions, SegmentedIndex, SegmentSource } from "../segment.ts";
import { Shortlist } from "../shortlist.ts";
import { TopK } from "../top-k.ts";
import { CodeBuffer } from "./code-buffer.ts";
import { scoreAll } from "./exact.ts";
import type { Finder } from "./finder.ts";
import { flatDepth, flatRecall } from "./flat-recall.ts";
import { type Forked, ForkedScan } from "./forked-scan.ts";
import {
  type FoundRun,
  foundRun,
  type Located,
  locate,
  type Run,
  type SegmentRun,
  scannedRun,
  splitByRun,
  tailRun,
} from "./run.ts";
import { Scratch } from "./scratch.ts";
import { selectBest, siftRoom } from "./select-best.ts";
import { type Lease, SpareBuffer } from "./spare-buffer.ts";
import { TakenVectors } from "./taken-vectors.ts";
import { COARSE, rowBytes, type VectorCoders } from "./vectors-kind.ts";

export interface FlatOptions {
  readonly coders: VectorCoders;
  readonly metric?: Metric;
  /** Candidates re-scored per wanted hit, and at least `minRescore`. */
  readonly rescoreFactor?: number;
  readonly minRescore?: number;
  /** Threads that scan beside the caller's; borrowed for the index's life. */
  readonly pool?: LazyPool;
  /** What searches a segment instead of a scan; undefined: it is scanned. */
  readonly finder?: (source: SegmentSource) => MaybePromise<Finder | undefined>;
}

export interface FlatSearchOptions extends SearchOptions {
  /** Candidates re-scored; default as the index was made. */
  readonly rescore?: number | undefined;
  /** Wanted share of the best k, instead of `rescore`; 1: every row is scored by its fine code. */
  readonly recall?: number | undefined;
}

export const flatDefaults = { metric: "cosine", rescoreFactor: 4, minRescore: 1000 } as const;

/** A search under way: its scan may go on beside what the caller does until it asks for the hits, by other numbers than at first if it likes. */
export interface FlatSearch extends Disposable {
  finish(options?: FlatSearchOptions): Promise<Hits>;
}

/** What fine codes decide about: rows that were named, and runs of which all rows are. */
interface Candidates {
  readonly named: Located;
  readonly whole: readonly Run[];
}

export class FlatIndex implements SegmentedIndex<Float32Array, Float32Array> {
  readonly #coders: VectorCoders;
  readonly #metric: Metric;
  readonly #factor: number;
  readonly #minimum: number;
  readonly #segments = new Map<number, SegmentRun>();
  /** Those with rows, in row order. */
  #ordered: readonly SegmentRun[] = [];
  readonly #tailCoarse: CodeBuffer;
  readonly #tailFine: CodeBuffer;
  #tailRows: number[] = [];
  readonly #scores = new Scratch();
  readonly #forkedScan: ForkedScan;
  /** A list that no search uses now. */
  #spareList: Shortlist | undefined;
  readonly #gathered = new SpareBuffer();
  readonly #sifted = new Scratch();
  readonly #finder: FlatOptions["finder"];
  #isDisposed = false;

  constructor(options: FlatOptions) {
    this.#coders = options.coders;
    this.#metric = options.metric ?? flatDefaults.metric;
    this.#factor = options.rescoreFactor ?? flatDefaults.rescoreFactor;
    this.#minimum = options.minRescore ?? flatDefaults.minRescore;
    this.#forkedScan = new ForkedScan(options.pool, options.coders.coarse.scan);
    this.#finder = options.finder;
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
    const run = await this.#runOf(source, bytes);
    if (this.#isDisposed) {
      run[Symbol.dispose]();
      throw new MnemeError("DISPOSED", `vectors: closed while segment ${source.id} was attached`);
    }
    this.detach(source.id);
    this.#segments.set(source.id, run);
    this.#order();
  }

  detach(segmentId: number): void {
    this.#segments.get(segmentId)?.[Symbol.dispose]();
    this.#segments.delete(segmentId);
    this.#order();
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
    using search = this.begin(query, options);
    return await search.finish();
  }

  /** All rows of at least a score, best first: those whose coarse codes are among the best so many are scored. */
  async range(query: Float32Array, options: RangeOptions): Promise<Hits> {
    const rows = this.#runs().reduce((sum, run) => sum + run.count, 0);
    let hits: Hits = emptyHits;
    for (const k of growingK(rows)) {
      hits = await this.search(query, { ...options, k });
      if (hits.rows.length < k) break;
    }
    return hits;
  }

  /** The same in two steps. Dispose of it also when it is not finished. */
  begin(query: Float32Array, options: FlatSearchOptions): FlatSearch {
    const runs = this.#runs();
    const scorer = this.#coders.coarse.scorer(query, this.#metric);
    const isWhole = !options.filter && options.recall !== 1;
    const forked = isWhole ? this.#forkedScan.begin(runs, scorer) : undefined;
    return {
      finish: (wish = options) => this.#finish(query, runs, scorer, forked, wish),
      [Symbol.dispose]: () => forked?.[Symbol.dispose](),
    };
  }

  /** Fine codes of given rows, ascending, to be disposed of; read once to be scored as often as one likes: what a fused ranking needs. */
  async take(rows: Uint32Array): Promise<TakenVectors> {
    const { located, places } = locate(this.#runs(), rows);
    const codes = await this.#gather(located);
    const taken = { rows: rows.length, places, codes: codes.bytes };
    return new TakenVectors(this.#coders.fine, this.#metric, taken, () => codes[Symbol.dispose]());
  }

  /** Share of the `best` best rows that a search is likely to find: by calibration of finders, by what flat codes are known to need. */
  expectedRecall(options: FlatSearchOptions, best: number): number {
    const depth = this.#depth(options);
    const shares = this.#runs().map((run) => {
      if (options.recall === 1) return 1;
      if ("finder" in run) return run.finder.expected(options, best);
      return depth >= run.count ? 1 : flatRecall(best, depth);
    });
    return Math.min(1, ...shares);
  }

  memory(): readonly { name: string; bytes: number }[] {
    let codes = this.#tailCoarse.bytes;
    const found = new Map<string, number>();
    for (const segment of this.#segments.values()) {
      codes += segment.bytes;
      if (!("finder" in segment)) continue;
      for (const { name, bytes } of segment.finder.memory()) found.set(name, (found.get(name) ?? 0) + bytes);
    }
    return [
      ...[...found].map(([name, bytes]) => ({ name: `vectors: ${name}`, bytes })),
      { name: "vectors: coarse codes", bytes: codes + this.#coders.coarse.bytes + this.#coders.fine.bytes },
      { name: "vectors: tail", bytes: this.#tailFine.bytes + this.#tailRows.length * 8 },
      {
        name: "vectors: scratch",
        bytes: this.#scores.bytes + this.#forkedScan.bytes + this.#gathered.bytes + this.#sifted.bytes,
      },
    ];
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#forkedScan[Symbol.dispose]();
    for (const id of [...this.#segments.keys()]) this.detach(id);
    this.#tailCoarse[Symbol.dispose]();
    this.#tailFine[Symbol.dispose]();
    this.#scores[Symbol.dispose]();
    this.#sifted[Symbol.dispose]();
  }

  async #runOf(source: SegmentSource, bytes: number): Promise<SegmentRun> {
    const finder = await this.#finder?.(source);
    if (finder) return foundRun(source, this.#coders, finder);
    const [codes] = await source.read([{ part: COARSE, start: 0, end: bytes }]);
    return scannedRun(source, this.#coders, codes!);
  }

  /** Candidates that flat codes name. */
  #depth({ k, rescore, recall }: FlatSearchOptions): number {
    if (recall !== undefined) return flatDepth(k, recall);
    return rescore ?? Math.max(this.#minimum, k * this.#factor);
  }

  /** Segments in row order, then the tail. */
  #runs(): readonly Run[] {
    if (this.#tailRows.length === 0) return this.#ordered;
    return [...this.#ordered, tailRun(this.#coders, this.#tailRows, this.#tailCoarse, this.#tailFine)];
  }

  #order(): void {
    this.#forkedScan.forget();
    const runs = [...this.#segments.values()].filter(({ count }) => count > 0);
    this.#ordered = runs.sort((a, b) => a.rowAt(0) - b.rowAt(0));
  }

  async #finish(
    query: Float32Array,
    runs: readonly Run[],
    scorer: Scorer,
    forked: Forked | undefined,
    options: FlatSearchOptions,
  ): Promise<Hits> {
    const total = runs.reduce((sum, { count }) => sum + count, 0);
    const scanned = forked?.join();
    const first = this.#depth(options);
    for (let wider = 1; ; wider *= 4) {
      const depth = Math.min(first * wider, total);
      // at last finders are asked for all they have
      const wish = wider === 1 ? options : { ...options, k: depth < total ? options.k * wider : total };
      const candidates = await this.#candidates(query, runs, scorer, scanned, depth, wish);
      const hits = await this.#rescore(query, candidates, options);
      if (!options.after || options.recall === 1 || hits.rows.length >= options.k || depth >= total)
        return hits;
    }
  }

  async #candidates(
    query: Float32Array,
    runs: readonly Run[],
    scorer: Scorer,
    scanned: ReadonlyMap<Run, Float32Array> | undefined,
    depth: number,
    options: FlatSearchOptions,
  ): Promise<Candidates> {
    const isExact = options.recall === 1;
    // searches may overlap while pages are read
    const list = this.#spareList ?? new Shortlist(1);
    this.#spareList = undefined;
    list.restart(isExact ? 1 : depth);
    const found: { run: Run; ordinals: Uint32Array }[] = [];
    const whole: Run[] = [];
    let first = 0;
    for (const run of runs) {
      const few = options.filter && run.few(options.filter);
      if (few && isExact) found.push({ run, ordinals: few });
      else if (few) await this.#selectFew(scorer, run, few, first, list);
      else if (isExact) whole.push(run);
      else if ("finder" in run) {
        const ordinals = await this.#find(run, query, options);
        if (ordinals) found.push({ run, ordinals });
        else whole.push(run);
      } else {
        siftRoom(this.#sifted);
        const scores = scanned?.get(run) ?? run.score(scorer, this.#scores);
        selectBest(scores, run, first, list, this.#sifted, options.filter);
      }
      first += run.count;
    }
    const named = splitByRun(runs, list.finish());
    this.#spareList = list;
    return { named: found.length > 0 ? [...named, ...found] : named, whole };
  }

  /** Ordinals that a finder names, ascending; undefined: all rows are to be scored. */
  async #find(
    { finder, count, rowAt }: FoundRun,
    query: Float32Array,
    { k, recall, filter, signal }: FlatSearchOptions,
  ): Promise<Uint32Array | undefined> {
    const matching = filter ? filter.countIn(rowAt(0), rowAt(count - 1) + 1) : count;
    const found = await finder.find(query, { k: Math.min(k, count), recall, filter, matching, signal });
    return found?.sort();
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

  async #rescore(query: Float32Array, candidates: Candidates, options: SearchOptions): Promise<Hits> {
    const { named, whole } = candidates;
    const scores = await this.#fineScores(query, named);
    const all = whole.reduce((sum, { count }) => sum + count, scores.length);
    const heap = new TopK(Math.min(options.k, all));
    const push = (score: number, row: number): void => {
      if (options.minScore !== undefined && score < options.minScore) return;
      if (score < heap.threshold) return;
      if (!options.after || isAfter(options.after, score, row)) heap.push(score, row);
    };
    let at = 0;
    for (const { run, ordinals } of named)
      for (const ordinal of ordinals) push(scores[at++]!, run.rowAt(ordinal));
    const scorer = this.#coders.fine.scorer(query, this.#metric);
    for (const run of whole) await scoreAll(run, scorer, options, push);
    return heap.drain();
  }

  /** Fine codes of the candidates, back to back. Leased: searches may overlap while pages are read. */
  async #gather(candidates: Located): Promise<Lease> {
    const stride = rowBytes(this.#coders.fine);
    const total = candidates.reduce((sum, { ordinals }) => sum + ordinals.length, 0);
    const lease = this.#gathered.lease(total * stride);
    let at = 0;
    for (const { run, ordinals } of candidates) {
      const under = run.gather(ordinals, lease.bytes.subarray(at, at + ordinals.length * stride));
      if (under) await under;
      at += ordinals.length * stride;
    }
    return lease;
  }

  async #fineScores(query: Float32Array, candidates: Located): Promise<Float32Array> {
    using codes = await this.#gather(candidates);
    const scores = slab.f32(codes.bytes.length / rowBytes(this.#coders.fine));
    this.#coders.fine.scorer(query, this.#metric).score(codes.bytes, 0, scores.length, scores);
    return scores;
  }
}
