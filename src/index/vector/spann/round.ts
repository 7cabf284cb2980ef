/** A round of a search: some lists read in one batch, scanned, and the rows whose bound is good enough scored again. */
import { kernels, type Region } from "../../../kernels/index.ts";
import { Shortlist } from "../../shortlist.ts";
import { BLOCK_ROWS } from "./coarse-codes.ts";
import type { Found } from "./found.ts";
import type { NearestHeads } from "./heads.ts";
import { type ListQuery, MOST_ROWS, scoreBytes } from "./list-query.ts";
import type { ListReader } from "./list-reader.ts";
import type { PendingRows } from "./pending.ts";
import { blocksAt, blocksOf, idsAt } from "./postings.ts";
import { SeenRows } from "./seen-rows.ts";

/** What a round reads with. */
export type PostingReader = Pick<
  ListReader,
  "shape" | "counts" | "mostPages" | "rowsOf" | "radiusOf" | "pageOf" | "lists" | "pages"
>;

/** Rows scored again to have k that bound the others, for each of the k. */
const FIRST_RESCORED = 1.5;

/** Above what stands for no row. */
const LOWEST = -3e38;

/** Reused from round to round: what a search would make anew for each is what the collector stops it for. */
export class Round implements Disposable {
  readonly #reader: PostingReader;
  readonly #query: ListQuery;
  readonly #pending: PendingRows;
  readonly #scores: Region;
  readonly #sifted: Region;
  readonly #seen = new SeenRows();
  readonly #visited = new SeenRows();
  readonly #shortlist = new Shortlist(32);
  /** Lists of the round, their centres' squared distances, their values; where their scores begin, one more than there are lists. */
  readonly #lists: Uint32Array;
  readonly #distances: Float32Array;
  readonly #pointers: Float64Array;
  readonly #starts: Uint32Array;
  #count = 0;
  /** Of the rows to be scored again: number, list, page of fine codes, where on it, squared distance of the centre. */
  readonly #rows = new Uint32Array(MOST_ROWS);
  readonly #listOf = new Uint32Array(MOST_ROWS);
  readonly #pages = new Uint32Array(MOST_ROWS);
  readonly #offsets = new Uint32Array(MOST_ROWS);
  readonly #squares = new Float32Array(MOST_ROWS);
  readonly #at = new Float64Array(MOST_ROWS);
  #waiting = 0;
  #words = new Uint32Array(0);

  /** @param most lists of a round */
  constructor(reader: PostingReader, query: ListQuery, pending: PendingRows, most: number) {
    const blocks = blocksOf(reader.shape.limit) * most;
    this.#reader = reader;
    this.#query = query;
    this.#pending = pending;
    this.#scores = kernels().arena.alloc(scoreBytes(blocks));
    this.#sifted = kernels().arena.alloc(scoreBytes(blocks));
    this.#lists = new Uint32Array(most);
    this.#distances = new Float32Array(most);
    this.#pointers = new Float64Array(most);
    this.#starts = new Uint32Array(most + 1);
  }

  get bytes(): number {
    const regions = this.#scores.byteLength + this.#sifted.byteLength;
    const ofRows = MOST_ROWS * 28 + this.#lists.length * 20 + this.#shortlist.bytes;
    return regions + ofRows + this.#seen.bytes + this.#visited.bytes;
  }

  /** Before the first round of a query. */
  begin(): void {
    this.#seen.clear();
    this.#visited.clear();
    this.#waiting = 0;
  }

  /** Adds to `found` what lists [from, to) of the heads hold, but for those that an earlier round read. */
  async search(heads: NearestHeads, from: number, to: number, found: Found): Promise<void> {
    this.#choose(heads, from, to, found);
    if (this.#count === 0) return;
    const reading = this.#reader.lists(this.#lists.subarray(0, this.#count), this.#pointers);
    if (reading) await reading;
    this.#scan();
    if (!found.isFull) await this.#rescore(this.#best(found), found);
    await this.#rescore(this.#above(found), found);
  }

  [Symbol.dispose](): void {
    this.#scores[Symbol.dispose]();
    this.#sifted[Symbol.dispose]();
  }

  /** All of the kernels' memory: values of lists lie in it on words. */
  get #memory(): Uint32Array {
    const { buffer } = kernels().arena;
    if (this.#words.buffer !== buffer) this.#words = new Uint32Array(buffer);
    return this.#words;
  }

  /** Lists that are to be read; rows that wait for them are scored at once. */
  #choose({ lists, distances }: NearestHeads, from: number, to: number, found: Found): void {
    this.#count = 0;
    for (let i = from; i < to; i++) {
      if (!this.#visited.add(lists[i]!)) continue;
      this.#scorePending(lists[i]!, found);
      if (this.#reader.rowsOf(lists[i]!) === 0) continue;
      this.#lists[this.#count] = lists[i]!;
      this.#distances[this.#count++] = distances[i]!;
    }
  }

  #scorePending(list: number, found: Found): void {
    const pending = this.#pending;
    for (const slot of pending.of(list)) {
      const row = pending.id(slot);
      if (found.allows(row) && this.#seen.add(row))
        found.push(row, pending.distance(slot, found.point.values));
    }
  }

  #scan(): void {
    const scores = this.#scores.f32();
    for (let i = 0; i < this.#count; i++) {
      const list = this.#lists[i]!;
      const rows = this.#reader.rowsOf(list);
      const blocks = blocksOf(rows);
      const from = this.#starts[i]!;
      const out = this.#scores.pointer + from * 4;
      const codes = this.#pointers[i]! + blocksAt(rows);
      this.#query.scan(codes, blocks, this.#distances[i]!, this.#reader.radiusOf(list), out);
      // what fills up the last block is no row
      scores.fill(Number.NEGATIVE_INFINITY, from + rows, from + blocks * BLOCK_ROWS);
      this.#starts[i + 1] = from + blocks * BLOCK_ROWS;
      this.#reader.counts.rows += rows;
    }
  }

  /** Places of the best by their bounds, as many as should give k rows. */
  #best(found: Found): Uint32Array {
    const scores = this.#scores.f32();
    const end = this.#starts[this.#count]!;
    const list = this.#shortlist;
    list.restart(Math.ceil(found.k * FIRST_RESCORED) + 4);
    for (let at = 0; at < end; at++) {
      const score = scores[at]!;
      if (score > list.threshold) list.push(score, at);
    }
    return list.finish();
  }

  /** Places of all rows that may beat the k-th, owned: while pages are read the kernels' memory may grow. */
  #above(found: Found): Uint32Array {
    const scores = this.#scores.f32().subarray(0, this.#starts[this.#count]!);
    const sifted = this.#sifted.u32();
    const some = kernels().selectAbove(scores, Math.max(-found.limit, LOWEST), sifted);
    return sifted.slice(0, some);
  }

  /** @param places in the scores, ascending */
  async #rescore(places: Uint32Array, found: Found): Promise<void> {
    const { shape, counts } = this.#reader;
    const most = Math.min(MOST_ROWS, this.#reader.mostPages);
    let i = 0;
    for (let p = 0; p < places.length; p++) {
      const at = places[p]!;
      while (at >= this.#starts[i + 1]!) i++;
      const place = at - this.#starts[i]!;
      const row = this.#memory[(this.#pointers[i]! + idsAt) / 4 + place]!;
      if (!found.allows(row) || !this.#seen.add(row)) continue;
      const n = this.#waiting++;
      this.#rows[n] = row;
      this.#listOf[n] = this.#lists[i]!;
      this.#pages[n] = this.#reader.pageOf(this.#lists[i]!, place);
      this.#offsets[n] = shape.fineAt(place);
      this.#squares[n] = this.#distances[i]!;
      counts.rescored++;
      if (this.#waiting === most) await this.#score(found);
    }
    if (this.#waiting > 0) await this.#score(found);
  }

  /** Scores the rows that wait by their fine codes. */
  async #score(found: Found): Promise<void> {
    const count = this.#waiting;
    this.#waiting = 0;
    const pages = this.#pages.subarray(0, count);
    const reading = this.#reader.pages(this.#listOf, pages, this.#at);
    if (reading) await reading;
    for (let j = 0; j < count; j++) this.#offsets[j]! += this.#at[j]!;
    const codes = this.#offsets.subarray(0, count);
    const distances = this.#query.distances(codes, this.#squares.subarray(0, count));
    for (let j = 0; j < count; j++) found.push(this.#rows[j]!, distances[j]!);
  }
}
