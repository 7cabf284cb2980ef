/** A round of a search: some lists read in one batch, scanned, and the rows whose bound is good enough scored again. */
import { kernels, type Region } from "../../../kernels/index.ts";
import { Shortlist } from "../../shortlist.ts";
import type { Found } from "./found.ts";
import type { NearestHeads } from "./heads.ts";
import { BLOCK_ROWS } from "./list-codes.ts";
import { type ListQuery, MOST_ROWS, scoreBytes } from "./list-query.ts";
import type { ListReader } from "./list-reader.ts";
import { blocksAt, blocksOf, idsAt } from "./postings.ts";
import { SeenRows } from "./seen-rows.ts";

/** Rows scored again to have k that bound the others, for each of the k. */
const FIRST_RESCORED = 1.5;

/** Above what stands for no row. */
const LOWEST = -3e38;

/** Lists of a round, side by side. */
interface Scanned {
  readonly lists: Uint32Array;
  readonly distances: Float32Array;
  readonly pointers: Float64Array;
  /** Where the scores of each list begin; one more than there are lists. */
  readonly starts: Uint32Array;
}

export class Round implements Disposable {
  readonly #reader: ListReader;
  readonly #query: ListQuery;
  readonly #scores: Region;
  readonly #sifted: Region;
  readonly #seen = new SeenRows();
  readonly #visited = new SeenRows();

  /** @param most lists of a round */
  constructor(reader: ListReader, query: ListQuery, most: number) {
    const blocks = blocksOf(reader.shape.limit) * most;
    this.#reader = reader;
    this.#query = query;
    this.#scores = kernels().arena.alloc(scoreBytes(blocks));
    this.#sifted = kernels().arena.alloc(scoreBytes(blocks));
  }

  get bytes(): number {
    return this.#scores.byteLength + this.#sifted.byteLength + this.#seen.bytes + this.#visited.bytes;
  }

  /** Before the first round of a query. */
  begin(): void {
    this.#seen.clear();
    this.#visited.clear();
  }

  /** Adds to `found` what lists [from, to) of the heads hold, but for those that an earlier round read. */
  async search(heads: NearestHeads, from: number, to: number, found: Found): Promise<void> {
    const scanned = this.#fresh(heads, from, to);
    if (scanned.lists.length === 0) return;
    const reading = this.#reader.lists(scanned.lists, scanned.pointers);
    if (reading) await reading;
    this.#scan(scanned);
    if (!found.isFull) await this.#rescore(scanned, this.#best(scanned, found), found);
    await this.#rescore(scanned, this.#above(scanned, found), found);
  }

  [Symbol.dispose](): void {
    this.#scores[Symbol.dispose]();
    this.#sifted[Symbol.dispose]();
  }

  #fresh({ lists, distances }: NearestHeads, from: number, to: number): Scanned {
    const fresh: number[] = [];
    for (let i = from; i < to; i++)
      if (this.#visited.add(lists[i]!) && this.#reader.rowsOf(lists[i]!) > 0) fresh.push(i);
    return {
      lists: Uint32Array.from(fresh, (i) => lists[i]!),
      distances: Float32Array.from(fresh, (i) => distances[i]!),
      pointers: new Float64Array(fresh.length),
      starts: new Uint32Array(fresh.length + 1),
    };
  }

  #scan({ lists, distances, pointers, starts }: Scanned): void {
    const scores = this.#scores.f32();
    for (let i = 0; i < lists.length; i++) {
      const list = lists[i]!;
      const rows = this.#reader.rowsOf(list);
      const blocks = blocksOf(rows);
      const from = starts[i]!;
      const out = this.#scores.pointer + from * 4;
      this.#query.scan(
        pointers[i]! + blocksAt(rows),
        blocks,
        distances[i]!,
        this.#reader.radiusOf(list),
        out,
      );
      // what fills up the last block is no row
      scores.fill(Number.NEGATIVE_INFINITY, from + rows, from + blocks * BLOCK_ROWS);
      starts[i + 1] = from + blocks * BLOCK_ROWS;
      this.#reader.counts.rows += rows;
    }
  }

  /** Places of the best by their bounds, as many as should give k rows. */
  #best(scanned: Scanned, found: Found): Uint32Array {
    const scores = this.#scores.f32();
    const end = scanned.starts[scanned.lists.length]!;
    const list = new Shortlist(Math.ceil(found.k * FIRST_RESCORED) + 4);
    for (let at = 0; at < end; at++) {
      const score = scores[at]!;
      if (score > list.threshold) list.push(score, at);
    }
    return list.finish();
  }

  /** Places of all rows that may beat the k-th. */
  #above({ starts, lists }: Scanned, found: Found): Uint32Array {
    const scores = this.#scores.f32().subarray(0, starts[lists.length]!);
    const sifted = this.#sifted.u32();
    const { limit } = found;
    const some = kernels().selectAbove(scores, Math.max(-limit, LOWEST), sifted);
    return sifted.slice(0, some);
  }

  /** @param places in the scores, ascending */
  async #rescore(scanned: Scanned, places: Uint32Array, found: Found): Promise<void> {
    const { lists, distances, pointers, starts } = scanned;
    const { shape } = this.#reader;
    const words = new DataView(kernels().arena.buffer);
    const wanted: { list: number; place: number; row: number; square: number }[] = [];
    let i = 0;
    for (const at of places) {
      while (at >= starts[i + 1]!) i++;
      const place = at - starts[i]!;
      const row = words.getUint32(pointers[i]! + idsAt + place * 4, true);
      if (!found.allows(row) || !this.#seen.add(row)) continue;
      wanted.push({ list: lists[i]!, place, row, square: distances[i]! });
    }
    this.#reader.counts.rescored += wanted.length;
    const most = Math.min(MOST_ROWS, this.#reader.mostPages);
    for (let first = 0; first < wanted.length; first += most) {
      const some = wanted.slice(first, first + most);
      const at = new Float64Array(some.length);
      const ofLists = Uint32Array.from(some, ({ list }) => list);
      const pages = Uint32Array.from(some, ({ list, place }) => this.#reader.pageOf(list, place));
      const reading = this.#reader.pages(ofLists, pages, at);
      if (reading) await reading;
      const rows = Uint32Array.from(some, ({ place }, j) => at[j]! + shape.fineAt(place));
      const squares = Float32Array.from(some, ({ square }) => square);
      this.#query.distances(rows, squares).forEach((distance, j) => found.push(some[j]!.row, distance));
    }
  }
}
