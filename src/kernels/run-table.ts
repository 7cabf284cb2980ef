/**
 * RunTable: cuts texts into runs (words, or pieces of a tokeniser) and numbers them, equal runs equally. Both tokenisers of a library
 * spend their time here, so a text is scanned by a kernel and only a run that was never met comes back to be learned.
 */
import type { Arena, Region } from "./arena.ts";
import type { KernelFace, RunScan } from "./face.ts";

/** How texts are cut. Kinds of characters, by `kindOf`: words know 0 to 3, pieces 1 to 4. */
export type Split = "words" | "pieces";

/** Kinds for words; 0 is everything between them. */
export const WordKind = { word: 1, unspaced: 2, joiner: 3 } as const;
/** Kinds for pieces. */
export const PieceKind = { letter: 1, number: 2, space: 3, other: 4 } as const;

/** Kinds that `classify` leaves to us. */
const UNKNOWN = 254;
const SURROGATE = 255;
/** The second half of a pair in pieces, either half in words. */
const ASTRAL = 16;
const KIND = 15;
/** Bits of a slot that hold an entry + 1. */
const ENTRY = 0xfffff;
/** In place[0]: the text is at its end. */
const END = 0xffff_ffff;
/** Fields of `place`: where the scan goes on, the units of the text, and the first of those that change with the buffers. */
const [AT, COUNT, FIELDS] = [1, 6, 4];

const FIRST_UNITS = 1 << 13;
/** Buffers that a longer text needed are given back with the next text. */
const MOST_UNITS = 1 << 20;
const FIRST_SLOTS = 1 << 15;
/** Entries that a slot can name. */
const MOST_ENTRIES = 0xffffe;
/** Longest run that the kernels look up; longer ones, up to the second bound, are found by a Map. Beyond it lies data, not words. */
const SHORT = 15;
const LONG = 64;
/** UTF-16 units of a key: a short run and its length. */
const KEY = SHORT + 1;
/** Bytes that kernels may touch past the end of a text. */
const SLACK = 32;

/** Told of a run met for the first time: its range in the text, and whether it is kept under the next number, or loose. */
export type Learn = (start: number, end: number, kept: boolean) => void;

export class RunTable implements Disposable {
  readonly #face: KernelFace;
  readonly #arena: Arena;
  readonly #split: Split;
  readonly #kindOf: (codePoint: number) => number;
  readonly #kindTable: Region;
  readonly #place: Region;
  #text: Region;
  #slots: Region;
  #keys: Region;
  /** Hash of each entry; 0 for a long one. */
  #hashes = new Uint32Array(FIRST_SLOTS / 2);
  readonly #long = new Map<string, number>();
  #size = 0;
  /** Units that the text's buffers take. */
  #capacity = 0;
  #views!: Views;
  #loaded = "";
  #isFolded = false;
  /** Units of the text that was loaded. */
  length = 0;

  /** @param kindOf kind of a character; asked once for each of the basic plane */
  constructor(face: KernelFace, arena: Arena, split: Split, kindOf: (codePoint: number) => number) {
    this.#face = face;
    this.#arena = arena;
    this.#split = split;
    this.#kindOf = kindOf;
    this.#kindTable = arena.alloc(65_536);
    this.#place = arena.alloc(44);
    this.#text = arena.alloc(0);
    this.#slots = arena.alloc(FIRST_SLOTS * 4);
    this.#keys = arena.alloc((FIRST_SLOTS / 2) * KEY * 2);
    this.#kindTable.u8().fill(UNKNOWN).fill(SURROGATE, 0xd800, 0xe000);
    this.#room(FIRST_UNITS);
    this.clear();
  }

  /** Runs that are kept, numbered from 0. */
  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    const regions = this.#regions.reduce((sum, { byteLength }) => sum + byteLength, 0);
    return regions + this.#hashes.byteLength + this.#long.size * 100;
  }

  /** UTF-16 units of the loaded text, folded if `fold` was called. Borrowed until the next load. */
  get units(): Uint16Array {
    return this.#current().units;
  }

  /** Numbers of the scanned text's runs, in order; those that are not kept are -1, -2 ... Borrowed until the next load. */
  get numbers(): Int32Array {
    return this.#current().out;
  }

  /** Forgets all runs. */
  clear(): void {
    this.#slots.u32().fill(0);
    this.#long.clear();
    this.#size = 0;
  }

  load(text: string): void {
    const { length } = text;
    this.#loaded = text;
    this.#isFolded = false;
    if (length > this.#capacity || this.#capacity > MOST_UNITS) this.#room(Math.max(FIRST_UNITS, length));
    const { units, bytes } = this.#current();
    if (bytes) bytes.write(text, 0, "utf16le");
    else for (let i = 0; i < length; i++) units[i] = text.charCodeAt(i);
    this.length = length;
  }

  /** Lower case for A to Z. @returns whether the loaded text is ASCII, and so in lower case as a whole */
  fold(): boolean {
    this.#isFolded = true;
    return this.#face.foldAscii(this.units, this.length) < 128;
  }

  /** Numbers the runs of the loaded text. @returns how many there are in `numbers` */
  scan(learn: Learn): number {
    this.#classify();
    let [written, loose] = [0, 0];
    this.#views.place[AT] = 0;
    this.#views.place[COUNT] = this.length;
    for (;;) {
      written = this.#face.scanRuns(this.#split, this.#views, written);
      const { place } = this.#views;
      const start = place[0]!;
      if (start === END) return written;
      const number = this.#meet(start, place[AT]!, learn);
      this.#views.out[written++] = number < 0 ? --loose : number;
    }
  }

  [Symbol.dispose](): void {
    for (const region of this.#regions) region[Symbol.dispose]();
  }

  get #regions(): readonly Region[] {
    return [this.#kindTable, this.#place, this.#text, this.#slots, this.#keys];
  }

  #classify(): void {
    const { units, kinds, kindTable } = this.#current();
    if (this.#face.classify(units, this.length, kindTable, kinds) < UNKNOWN) return;
    for (let i = 0; i < this.length; i++) {
      if (kinds[i]! < UNKNOWN) continue;
      const unit = units[i]!;
      if (kinds[i] === UNKNOWN) {
        kindTable[unit] = this.#kindOf(unit);
        kinds[i] = kindTable[unit]!;
      } else if (unit < 0xdc00 && i + 1 < this.length && (units[i + 1]! & 0xfc00) === 0xdc00) {
        this.#classifyPair(i++);
      } else kinds[i] = this.#kindOf(unit);
    }
  }

  #classifyPair(at: number): void {
    const { units, kinds } = this.#views;
    const kind = this.#kindOf(0x10000 + ((units[at]! & 0x3ff) << 10) + (units[at + 1]! & 0x3ff));
    kinds[at] = this.#split === "words" ? kind | ASTRAL : kind;
    kinds[at + 1] = kind | ASTRAL;
  }

  /** Number of a run that the kernel did not find, or -1 when it is not kept. */
  #meet(start: number, end: number, learn: Learn): number {
    const { place, kinds } = this.#views;
    const isShort = place[3] === 1;
    const isWord = this.#split === "pieces" || (kinds[start]! & KIND) === WordKind.word;
    const key = !isShort && isWord && end - start <= LONG ? this.#runAt(start, end) : "";
    const known = key === "" ? undefined : this.#long.get(key);
    if (known !== undefined) return known;
    const kept = (isShort || key !== "") && this.#size < MOST_ENTRIES;
    learn(start, end, kept);
    // what learns may have grown the memory
    this.#current();
    if (!kept) return -1;
    // a slice of a few characters of its own: one of the text would keep the text alive
    if (key) this.#long.set(` ${key}`.slice(1), this.#size);
    return this.#keep(start, end, isShort);
  }

  #runAt(start: number, end: number): string {
    const run = this.#loaded.slice(start, end);
    return this.#isFolded ? run.toLowerCase() : run;
  }

  #keep(start: number, end: number, isShort: boolean): number {
    if ((this.#size + 1) * 2 > this.#views.slots.length) this.#grow();
    const { units, keys, slots, place } = this.#views;
    const entry = this.#size++;
    const at = entry * KEY;
    // the last unit is the length; a long run's key is empty
    const length = isShort ? end - start : 0;
    for (let i = 0; i < SHORT; i++) keys[at + i] = i < length ? units[start + i]! : 0;
    keys[at + SHORT] = length;
    this.#hashes[entry] = place[2]!;
    if (isShort) put(slots, place[2]!, entry);
    return entry;
  }

  #grow(): void {
    const [slots, keys, hashes] = [this.#slots, this.#keys, this.#hashes];
    this.#slots = this.#arena.alloc(slots.byteLength * 2);
    this.#keys = this.#arena.alloc(keys.byteLength * 2);
    this.#hashes = new Uint32Array(hashes.length * 2);
    this.#hashes.set(hashes);
    this.#keys.u8().set(keys.u8());
    this.#view();
    const { slots: wider, keys: kept } = this.#views;
    wider.fill(0);
    for (let entry = 0; entry < this.#size; entry++)
      if (kept[entry * KEY + SHORT] !== 0) put(wider, hashes[entry]!, entry);
    slots[Symbol.dispose]();
    keys[Symbol.dispose]();
  }

  /** Buffers for a text: its units, their kinds, the numbers of its runs. */
  #room(units: number): void {
    this.#capacity = units;
    this.#text[Symbol.dispose]();
    this.#text = this.#arena.alloc(units * 7 + 2 * SLACK);
    this.#view();
  }

  /** Views of all regions: of plain memory they end when it grows. */
  #current(): Views {
    if (this.#views.buffer !== this.#arena.buffer) this.#view();
    return this.#views;
  }

  #view(): void {
    const { buffer } = this.#arena;
    const { pointer } = this.#text;
    const units = pointer + this.#capacity * 4;
    const kinds = units + this.#capacity * 2 + SLACK;
    this.#views = {
      buffer,
      out: new Int32Array(buffer, pointer, this.#capacity),
      units: new Uint16Array(buffer, units, this.#capacity),
      kinds: new Uint8Array(buffer, kinds, this.#capacity + SLACK),
      bytes: globalThis.Buffer?.from(buffer, units, this.#capacity * 2),
      kindTable: this.#kindTable.u8(),
      place: this.#place.u32(),
      slots: this.#slots.u32(),
      keys: new Uint16Array(buffer, this.#keys.pointer, this.#keys.byteLength >>> 1),
    };
    const { place, slots } = this.#views;
    place.set(
      [units, kinds, this.length, pointer, this.#slots.pointer, slots.length - 1, this.#keys.pointer],
      FIELDS,
    );
  }
}

interface Views extends RunScan {
  readonly buffer: ArrayBuffer;
  /** The units as bytes, where the platform writes strings at once. */
  readonly bytes: Buffer | undefined;
  readonly kindTable: Uint8Array;
}

function put(slots: Uint32Array, hash: number, entry: number): void {
  const mask = slots.length - 1;
  let slot = (hash & mask) >>> 0;
  while (slots[slot] !== 0) slot = (slot + 1) & mask;
  slots[slot] = (hash & ~ENTRY) | (entry + 1);
}
