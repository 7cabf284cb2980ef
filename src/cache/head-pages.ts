/**
 * Slots of one key-value head of one layer, in pages that several caches may share: a shared page is copied when one of them writes to it.
 * The page table lies in kernel memory.
 */
import { MnemeError } from "../errors.ts";
import { expandedBytes, PAGE_SLOTS, type Region, type WasmFace } from "../kernels/index.ts";
import { copyOf, ENTRY_WORDS, entryOf, newPage, type Page, pagesOf } from "./page.ts";
import { type CacheCodec, PAGE_CODECS, type PageCodec, pageBytes } from "./page-codec.ts";
import type { KvSegment } from "./parts.ts";

const FIRST_PAGES = 16;

/** What a head is beside its bytes: those of positions, counts and pages, in this order. */
export interface HeadFacts {
  readonly slots: number;
  readonly next: number;
  /** Slots whose positions, and whose counts, are kept one by one. */
  readonly kept: number;
  readonly counts: number;
  /** By page, in the order of PAGE_CODECS. */
  readonly codecs: readonly number[];
}

export class HeadPages implements Disposable {
  readonly #face: WasmFace;
  readonly #dim: number;
  readonly #codec: CacheCodec;
  #pages: Page[] = [];
  #table: Region;
  #slots = 0;
  /** Positions of the first slots, where some are missing between them; those behind follow on `#next`. */
  #kept: Int32Array | undefined;
  #next = 0;
  /** Tokens of each of the first slots, where one stands for several. */
  #counts: Float32Array | undefined;

  constructor(face: WasmFace, dim: number, codec: CacheCodec) {
    this.#face = face;
    this.#dim = dim;
    this.#codec = codec;
    this.#table = face.arena.alloc(FIRST_PAGES * ENTRY_WORDS * 4);
  }

  get table(): number {
    return this.#table.pointer;
  }

  get slots(): number {
    return this.#slots;
  }

  /** Of its pages, tables and positions; pages that others hold too are counted in both. */
  get bytes(): number {
    return this.#pages.reduce((sum, page) => sum + page.bytes, this.#besides);
  }

  /** Of what no other cache holds. */
  get ownBytes(): number {
    return this.#pages.reduce((sum, page) => sum + (page.owners === 1 ? page.bytes : 0), this.#besides);
  }

  bytesBut(seen: Pick<Set<object>, "has" | "add">): number {
    let sum = this.#besides;
    for (const page of this.#pages) {
      if (seen.has(page)) continue;
      seen.add(page);
      sum += page.bytes;
    }
    return sum;
  }

  /** Pages with slots in them: behind those there may be room that a step made and did not come to use. */
  get #filled(): readonly Page[] {
    return this.#pages.slice(0, Math.ceil(this.#slots / PAGE_SLOTS));
  }

  get #besides(): number {
    return this.#table.byteLength + (this.#kept?.byteLength ?? 0) + (this.#counts?.byteLength ?? 0);
  }

  positions(): Int32Array {
    const first = this.#kept?.length ?? 0;
    return Int32Array.from({ length: this.#slots }, (_, slot) =>
      slot < first ? this.#kept![slot]! : this.#next + slot - first,
    );
  }

  /** Makes room for `tokens` more in pages of its own. */
  reserve(tokens: number): void {
    if (this.#slots % PAGE_SLOTS > 0 && tokens > 0) this.#ownLast();
    const wanted = Math.ceil((this.#slots + tokens) / PAGE_SLOTS);
    while (this.#pages.length < wanted) this.#push(newPage(this.#face, this.#dim, this.#codec));
  }

  /** `tokens` more are in, their positions those behind the last. */
  append(tokens: number): void {
    this.#slots += tokens;
  }

  /** Forgets tokens from a position on. */
  truncate(position: number): void {
    const slots = this.#slotsBefore(position);
    // also where no slot goes: what lay between the last one and here is gone for good
    if (position < this.#next) {
      this.#kept = this.#kept?.slice(0, slots);
      this.#next = position;
    }
    if (slots === this.#slots) return;
    this.#slots = slots;
    if (this.#counts && this.#counts.length > slots) this.#counts = this.#counts.slice(0, slots);
    for (const page of this.#pages.splice(Math.ceil(slots / PAGE_SLOTS))) page.release();
  }

  /** Another head of the same pages. */
  fork(): HeadPages {
    const other = new HeadPages(this.#face, this.#dim, this.#codec);
    for (const page of this.#filled) {
      page.owners++;
      other.#push(page);
    }
    other.#slots = this.#slots;
    other.#kept = this.#kept;
    other.#next = this.#next;
    other.#counts = this.#counts;
    return other;
  }

  /** Slots [from, to) as f32 rows as they are kept. */
  read(from = 0, to = this.#slots): KvSegment {
    const dim = this.#dim;
    const first = Math.floor(from / PAGE_SLOTS);
    const last = Math.ceil(to / PAGE_SLOTS);
    const { arena, instance } = this.#face;
    const values = (last - first) * PAGE_SLOTS * dim;
    using room = arena.alloc(expandedBytes(dim));
    using out = arena.alloc(Math.max(1, values * 8));
    instance.exports.readPages(
      this.table,
      first,
      last,
      dim,
      room.pointer,
      out.pointer,
      out.pointer + values * 4,
    );
    const start = (from - first * PAGE_SLOTS) * dim;
    const count = (to - from) * dim;
    const rows = out.f32();
    return {
      dim,
      keys: rows.slice(start, start + count),
      values: rows.slice(values + start, values + start + count),
      positions: this.positions().slice(from, to),
      ...(this.#counts ? { counts: this.#countsOf(from, to) } : {}),
    };
  }

  /** Keeps these slots, ascending, and forgets the others. @param next position of the token to come. @throws MnemeError UNSUPPORTED of pages of fewer bits than 8 */
  keep(slots: Int32Array, next: number): void {
    if (slots.length === this.#slots) return;
    const old = this.#pages;
    const moves = pagesOf(slots, this.#slots);
    const encoded = (slot: number): boolean => old[Math.floor(slot / PAGE_SLOTS)]!.codec !== this.#codec;
    if (moves.some((move) => typeof move !== "number" && move.some(encoded)))
      throw new MnemeError(
        "UNSUPPORTED",
        "cache: slots of encoded pages cannot be taken apart; evict before encoding, or whole pages",
      );
    const positions = this.positions();
    const counts = this.#counts && this.#countsOf(0, this.#slots);
    this.#pages = [];
    for (const move of moves) {
      if (typeof move === "number") {
        old[move]!.owners++;
        this.#push(old[move]!);
      } else {
        const page = newPage(this.#face, this.#dim, this.#codec);
        this.#gather(old, move, page);
        this.#push(page);
      }
    }
    for (const page of old) page.release();
    this.#slots = slots.length;
    this.#kept = Int32Array.from(slots, (slot) => positions[slot]!);
    this.#next = next;
    this.#setCounts(counts && Float32Array.from(slots, (slot) => counts[slot]!));
  }

  /** Another content: rows as they are kept. */
  replace(segment: KvSegment, next: number): void {
    const { positions, keys, values, counts } = segment;
    for (const page of this.#pages.splice(0)) page.release();
    this.#slots = 0;
    this.#kept = undefined;
    this.#counts = undefined;
    this.reserve(positions.length);
    const { arena, instance } = this.#face;
    using rows = arena.alloc(Math.max(1, keys.byteLength * 2));
    rows.f32().set(keys);
    rows.f32().set(values, keys.length);
    instance.exports.putRows(
      this.table,
      0,
      positions.length,
      this.#dim,
      rows.pointer,
      rows.pointer + keys.byteLength,
    );
    this.#slots = positions.length;
    this.#kept = positions;
    this.#next = next;
    this.#setCounts(counts);
  }

  /** Encodes whole pages [from, to) that are not yet, by a codec of fewer bits. */
  encode(from: number, to: number, codec: PageCodec): void {
    const { arena, instance } = this.#face;
    const dim = this.#dim;
    using room = arena.alloc(expandedBytes(dim) + PAGE_SLOTS * dim * 9);
    const end = Math.min(to, Math.floor(this.#slots / PAGE_SLOTS));
    for (let number = from; number < end; number++) {
      const page = this.#pages[number]!;
      if (page.codec !== this.#codec) continue;
      const next = newPage(this.#face, this.#dim, codec);
      const keys = next.region.pointer;
      const entry = this.table + number * ENTRY_WORDS * 4;
      const values = keys + pageBytes(codec, dim).keys;
      const as = PAGE_CODECS.indexOf(codec);
      instance.exports.encodePage(entry, dim, as, keys, values, room.pointer, expandedBytes(dim));
      next.bias = page.bias && copyOf(this.#face, page.bias);
      this.#pages[number] = next;
      this.#enter(number);
      page.release();
    }
  }

  exported(): { readonly about: HeadFacts; readonly bytes: Uint8Array } {
    const parts = [this.#kept, this.#counts].map((one) =>
      one ? new Uint8Array(one.buffer, one.byteOffset, one.byteLength) : new Uint8Array(),
    );
    const pages = this.#filled;
    parts.push(...pages.map(({ region }) => region.u8()));
    const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    const about = {
      slots: this.#slots,
      next: this.#next,
      kept: this.#kept?.length ?? 0,
      counts: this.#counts?.length ?? 0,
      codecs: pages.map(({ codec }) => PAGE_CODECS.indexOf(codec)),
    };
    return { about, bytes };
  }

  static imported(
    face: WasmFace,
    dim: number,
    codec: CacheCodec,
    about: HeadFacts,
    bytes: Uint8Array,
    damaged: (why: string) => MnemeError,
  ): HeadPages {
    const { slots, next, kept, counts, codecs } = about;
    const names = codecs.map((one) => PAGE_CODECS[one]);
    const sizes = names.map((name) =>
      name ? pageBytes(name, dim).keys + pageBytes(name, dim).values : Number.NaN,
    );
    const whole = (kept + counts) * 4 + sizes.reduce((sum, size) => sum + size, 0);
    const sane = [slots, next, kept, counts].every((one) => Number.isSafeInteger(one) && one >= 0);
    if (
      !sane ||
      codecs.length !== Math.ceil(slots / PAGE_SLOTS) ||
      kept > slots ||
      counts > slots ||
      whole !== bytes.length
    )
      throw damaged("a head's pages are not those that its header tells of");
    const head = new HeadPages(face, dim, codec);
    const words = bytes.slice(0, (kept + counts) * 4).buffer;
    let at = (kept + counts) * 4;
    names.forEach((name, i) => {
      const page = newPage(head.#face, head.#dim, name!);
      page.region.u8().set(bytes.subarray(at, at + sizes[i]!));
      at += sizes[i]!;
      head.#push(page);
    });
    head.#slots = slots;
    head.#next = next;
    if (kept > 0) head.#kept = new Int32Array(words, 0, kept);
    if (counts > 0) head.#setCounts(new Float32Array(words, kept * 4, counts));
    return head;
  }

  [Symbol.dispose](): void {
    for (const page of this.#pages.splice(0)) page.release();
    this.#table[Symbol.dispose]();
  }

  #slotsBefore(position: number): number {
    const first = this.#kept?.length ?? 0;
    if (position >= this.#next && this.#slots > first)
      return Math.min(this.#slots, first + position - this.#next);
    let slots = Math.min(first, this.#slots);
    while (slots > 0 && this.#kept![slots - 1]! >= position) slots--;
    return slots;
  }

  #countsOf(from: number, to: number): Float32Array {
    return Float32Array.from({ length: to - from }, (_, i) => this.#counts?.[from + i] ?? 1);
  }

  #setCounts(counts: Float32Array | undefined): void {
    const any = counts?.some((count) => count !== 1) ?? false;
    this.#counts = any ? counts : undefined;
    this.#pages.forEach((page, number) => {
      const of = counts?.subarray(number * PAGE_SLOTS, (number + 1) * PAGE_SLOTS);
      if (!of?.some((count) => count !== 1)) return;
      page.bias ??= this.#face.arena.alloc(PAGE_SLOTS * 4);
      page.bias.f32().fill(0).set(of.map(Math.log));
      this.#enter(number);
    });
  }

  /** Slots of the old pages, by their numbers, into a new one. */
  #gather(old: readonly Page[], slots: Int32Array, page: Page): void {
    const { arena, instance } = this.#face;
    const first = Math.floor(slots[0]! / PAGE_SLOTS);
    const from = old.slice(first, Math.floor(slots.at(-1)! / PAGE_SLOTS) + 1);
    const numbers = (from.length + 1) * ENTRY_WORDS;
    using room = arena.alloc(numbers * 4 + slots.byteLength);
    const words = room.u32();
    [...from, page].forEach((one, i) => {
      words.set(entryOf(one, this.#dim), i * ENTRY_WORDS);
    });
    slots.forEach((slot, i) => {
      words[numbers + i] = slot - first * PAGE_SLOTS;
    });
    const to = room.pointer + from.length * ENTRY_WORDS * 4;
    instance.exports.gatherSlots(room.pointer, room.pointer + numbers * 4, slots.length, this.#dim, to);
  }

  /** The page of the last slot, partly filled, must be this cache's alone and of a codec that takes slots. */
  #ownLast(): void {
    const number = Math.floor(this.#slots / PAGE_SLOTS);
    const page = this.#pages[number]!;
    if (page.owners === 1 && page.codec === this.#codec) {
      page.bias?.f32().fill(0, this.#slots % PAGE_SLOTS);
      return;
    }
    const next = newPage(this.#face, this.#dim, this.#codec);
    if (page.codec === this.#codec) next.region.u8().set(page.region.u8());
    else {
      const { keys, values } = this.read(number * PAGE_SLOTS);
      using rows = this.#face.arena.alloc(keys.byteLength * 2 + ENTRY_WORDS * 4);
      rows.f32().set(keys);
      rows.f32().set(values, keys.length);
      rows.u32().set(entryOf(next, this.#dim), keys.length * 2);
      const table = rows.pointer + keys.byteLength * 2;
      const count = keys.length / this.#dim;
      this.#face.instance.exports.putRows(
        table,
        0,
        count,
        this.#dim,
        rows.pointer,
        rows.pointer + keys.byteLength,
      );
    }
    next.bias = page.bias && copyOf(this.#face, page.bias);
    next.bias?.f32().fill(0, this.#slots % PAGE_SLOTS);
    this.#pages[number] = next;
    this.#enter(number);
    page.release();
  }

  #push(page: Page): void {
    const number = this.#pages.length;
    if ((number + 1) * ENTRY_WORDS * 4 > this.#table.byteLength) {
      const table = this.#face.arena.alloc(this.#table.byteLength * 2);
      table.u8().set(this.#table.u8());
      this.#table[Symbol.dispose]();
      this.#table = table;
    }
    this.#pages.push(page);
    this.#enter(number);
  }

  #enter(number: number): void {
    this.#table.u32().set(entryOf(this.#pages[number]!, this.#dim), number * ENTRY_WORDS);
  }
}
