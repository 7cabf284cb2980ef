/**
 * Substrings: which segments of a library have their texts in shards of an FM-index, and where a text occurs in those. A segment that has
 * none, or damaged ones, is read through instead: whoever asks looks at what is covered.
 */
import { isMnemeError, MnemeError } from "../../errors.ts";
import type { Cursor, FmIndex } from "../../index/text/fm-index/fm-index.ts";
import { PIECES, type StoredShard, shardsOf } from "../../index/text/stored-shards.ts";
import { PieceTable } from "../../index/text/text-pieces.ts";
import type { OpenSegment } from "../library.ts";
import { narrowAll, type Variant } from "./narrow.ts";
import type { Pattern } from "./pattern.ts";

export const SUBSTRINGS = "substrings/";

/** RAM for blocks of shards: so large a share of the budget, within bounds. */
const CACHE_SHARE = 1 / 32;
const [LEAST_CACHE, MOST_CACHE] = [1 << 20, 8 << 20];

/** Whether a segment has shards. */
export function holdsShards(parts: Readonly<Record<string, number>>): boolean {
  return Object.keys(parts).some((part) => part.startsWith(SUBSTRINGS));
}

/** A text's places in one segment: item by its number there, and bytes of its text. */
export interface ItemPlaces {
  readonly items: Uint32Array;
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
}

/** What shards know of a pattern. */
export class Found {
  readonly #index: FmIndex;
  readonly #shards: readonly StoredShard[];
  readonly #variants: readonly Variant[];
  readonly #piecesOf: (segment: number) => PieceTable;

  constructor(
    index: FmIndex,
    shards: readonly StoredShard[],
    variants: readonly Variant[],
    piecesOf: (segment: number) => PieceTable,
  ) {
    this.#index = index;
    this.#shards = shards;
    this.#variants = variants;
    this.#piecesOf = piecesOf;
  }

  /** Places in a segment; one that two pieces of a text hold counts as two. */
  countIn(segment: number): number {
    let count = 0;
    for (const { cursor } of this.#variants)
      for (const [i, { low, high }] of cursor.entries())
        if (this.#shards[i]!.segment === segment) count += high - low;
    return count;
  }

  /** All places in a segment, in order. @throws MnemeError CANCELLED, CORRUPT */
  async locateIn(segment: number, signal?: AbortSignal): Promise<ItemPlaces> {
    const total = this.countIn(segment);
    const pieces = this.#piecesOf(segment);
    const all = {
      items: new Uint32Array(total),
      starts: new Uint32Array(total),
      ends: new Uint32Array(total),
    };
    let [done, document] = [0, 0];
    for (const [i, shard] of this.#shards.entries()) {
      const documents = this.#index.documentsIn(i);
      for (const { cursor, length } of shard.segment === segment ? this.#variants : []) {
        const only: Cursor = cursor.map((range, at) => (at === i ? range : { low: 0, high: 0 }));
        const found = await this.#index.locateRows(only, length, signal ? { signal } : {});
        for (const [n, one] of found.documents.entries()) {
          const own = one - document + shard.first;
          const offset = found.offsets[n]!;
          if (offset >= pieces.sharedFrom(own)) continue;
          const { text, start } = pieces.placeOf(own);
          all.items[done] = text;
          all.starts[done] = start + offset;
          all.ends[done++] = start + offset + length;
        }
      }
      document += documents;
    }
    const told = {
      items: all.items.subarray(0, done),
      starts: all.starts.subarray(0, done),
      ends: all.ends.subarray(0, done),
    };
    return this.#variants.length > 1 ? inOrder(told) : told;
  }
}

function inOrder({ items, starts, ends }: ItemPlaces): ItemPlaces {
  const order = Uint32Array.from(items.keys()).sort(
    (a, b) => items[a]! - items[b]! || starts[a]! - starts[b]!,
  );
  const sorted = (values: Uint32Array): Uint32Array => order.map((at) => values[at]!);
  return { items: sorted(items), starts: sorted(starts), ends: sorted(ends) };
}

export class Substrings {
  readonly #budgetBytes: number;
  /** Segments whose shards could not be used, and why. */
  readonly refused: Map<number, string> = new Map();
  /** Told of damage when it is met, with the shard's name in it. */
  onRefused: (message: string) => void;
  /** Shards that were refused. */
  readonly #damaged = new Set<string>();
  #shards: readonly StoredShard[] = [];
  /** By segment, where texts are cut. */
  readonly #pieces = new Map<number, PieceTable>();
  #index: FmIndex | undefined;
  #opening: Promise<void> = Promise.resolve();

  constructor(budgetBytes: number, onRefused: (message: string) => void = () => {}) {
    this.#budgetBytes = budgetBytes;
    this.onRefused = onRefused;
  }

  /** Takes the shards of these segments, and no others. */
  async attach(segments: readonly OpenSegment[]): Promise<void> {
    const ids = new Set(segments.map(({ stored }) => stored.entry.id));
    for (const id of this.refused.keys()) if (!ids.has(id)) this.refused.delete(id);
    const shards = segments.flatMap(({ stored }) => {
      const names = Object.keys(stored.entry.parts).filter((part) => part.startsWith(SUBSTRINGS));
      return shardsOf(
        stored.source(SUBSTRINGS),
        names.map((part) => part.slice(SUBSTRINGS.length)),
      );
    });
    const usable = shards.filter(({ segment }) => !this.refused.has(segment));
    const isSame =
      usable.length === this.#shards.length &&
      usable.every(({ location }, i) => location === this.#shards[i]!.location);
    if (!isSame) await this.#reopen(await this.#withPieces(segments, usable));
  }

  /** Which documents of a segment are pieces of one text. */
  piecesOf(segment: number): PieceTable {
    return this.#pieces.get(segment) ?? PieceTable.none;
  }

  /** Whether a segment's texts are in shards, all of them. */
  covers(segment: number): boolean {
    return this.#shards.some((shard) => shard.segment === segment);
  }

  get isEmpty(): boolean {
    return this.#index === undefined;
  }

  /**
   * Does something with the index and what its shards are; a shard that turns out to be damaged is left out, and it is done again.
   * @returns nothing where there is no index
   */
  async using<T>(
    work: (index: FmIndex, shards: readonly StoredShard[]) => Promise<T>,
  ): Promise<T | undefined> {
    for (;;) {
      await this.#opening;
      const [index, shards] = [this.#index, this.#shards];
      if (!index) return undefined;
      try {
        return await work(index, shards);
      } catch (error) {
        await this.#refuse(error);
      }
    }
  }

  /** Where a pattern is in the shards; nothing where there are none, or it stands for too many texts to follow. */
  async find(index: FmIndex, shards: readonly StoredShard[], pattern: Pattern): Promise<Found | undefined> {
    const variants = await narrowAll(index, pattern);
    return variants && new Found(index, shards, variants, (segment) => this.piecesOf(segment));
  }

  /** Which text a document of the index is: its segment, its place among the segment's, and the byte that the document begins with. */
  textOf(
    index: FmIndex,
    shards: readonly StoredShard[],
    document: number,
  ): { readonly segment: number; readonly item: number; readonly start: number } {
    let before = 0;
    for (const [i, { segment, first }] of shards.entries()) {
      const documents = index.documentsIn(i);
      if (document < before + documents) {
        const { text: item, start } = this.piecesOf(segment).placeOf(document - before + first);
        return { segment, item, start };
      }
      before += documents;
    }
    throw new MnemeError("INTERNAL", `substrings: document ${document} of ${before}; please report it`);
  }

  memory(): { name: string; bytes: number }[] {
    const pieces = [...this.#pieces.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    return this.#index ? [{ name: "substrings", bytes: this.#index.memoryBytes + pieces }] : [];
  }

  /** Reads which texts are cut. @returns the shards of segments of which that can be told */
  async #withPieces(
    segments: readonly OpenSegment[],
    shards: readonly StoredShard[],
  ): Promise<readonly StoredShard[]> {
    this.#pieces.clear();
    for (const { stored } of segments) {
      const size = stored.entry.parts[SUBSTRINGS + PIECES];
      if (size === undefined) continue;
      try {
        const [bytes] = await stored.source(SUBSTRINGS).read([{ part: PIECES, start: 0, end: size }]);
        this.#pieces.set(stored.entry.id, PieceTable.decode(bytes!));
      } catch (error) {
        if (!isMnemeError(error) || error.code !== "CORRUPT") throw error;
        this.#leaveOut(stored.entry.id, error);
      }
    }
    return shards.filter(({ segment }) => !this.refused.has(segment));
  }

  async #reopen(shards: readonly StoredShard[]): Promise<void> {
    const [{ FmIndex }, { shardsHome }] = await Promise.all([
      import("../../index/text/fm-index/fm-index.ts"),
      import("../../index/text/substring-shards.ts"),
    ]);
    const cacheBytes = Math.round(
      Math.min(MOST_CACHE, Math.max(LEAST_CACHE, this.#budgetBytes * CACHE_SHARE)),
    );
    for (let usable = shards; ; usable = usable.filter(({ segment }) => !this.refused.has(segment))) {
      // one that queries still use goes with them: it holds nothing but memory
      this.#shards = usable;
      this.#index = undefined;
      if (usable.length === 0) return;
      try {
        this.#index = await FmIndex.over(shardsHome(usable), { cacheBytes });
        return;
      } catch (error) {
        this.#note(error, usable);
      }
    }
  }

  /** Leaves the damaged shard's segment out. @throws what is no damage of a shard */
  async #refuse(error: unknown): Promise<void> {
    this.#note(error, this.#shards);
    const left = (): readonly StoredShard[] =>
      this.#shards.filter(({ segment }) => !this.refused.has(segment));
    this.#opening = this.#opening.then(() => this.#reopen(left()));
    await this.#opening;
  }

  #note(error: unknown, shards: readonly StoredShard[]): void {
    if (!isMnemeError(error) || !["CORRUPT", "VERSION"].includes(error.code)) throw error;
    const shard = shards.find(({ location }) => location === error.details.location);
    // another query may have found the same damage before
    if (!shard && this.#damaged.has(String(error.details.location))) return;
    if (!shard) throw error;
    this.#damaged.add(shard.location);
    this.#leaveOut(shard.segment, error);
  }

  #leaveOut(segment: number, { message: reason }: MnemeError): void {
    if (this.refused.has(segment)) return; // several queries may meet the same damage
    const message = `segment ${segment} is read through: ${reason}`;
    this.refused.set(segment, message);
    this.onRefused(message);
  }
}
