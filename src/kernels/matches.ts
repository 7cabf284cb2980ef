/**
 * A piece of text beside a pattern in kernel memory: equal symbols counted at every alignment, in several ways that may be added up, and
 * alignments found that mismatch little. Symbols are numbers from 0, DEAD where the pattern has none such. Twin: reference/matches.ts.
 */
import type { Region } from "./arena.ts";
import { imaginaryAt, type WasmFft } from "./fft.ts";
import type { WasmFace } from "./wasm.ts";

/** A symbol of a text that its pattern does not have. */
export const DEAD = 0xffff_ffff;

/** Bytes that kernels may touch past the end of a text or a pattern, in symbols of any width. */
const SLACK = 80;
/** Alignments are counted by so many. */
const LANES = 64;
const HITS = 4096;

/** Alignments and their mismatches, back to back: place, mismatches, place ... */
export type FoundPairs = number[];

export class WasmMatches implements Disposable {
  readonly #face: WasmFace;
  readonly #pattern: Uint32Array;
  /** 1 << shift bytes a symbol, where symbols are compared side by side. */
  readonly #shift: number;
  readonly #narrowPattern: Region;
  readonly #narrow: Region;
  readonly #wide: Region;
  readonly #counts: Region;
  readonly #lists: Region;
  readonly #positions: Region;
  readonly #hits: Region;
  #length = 0;

  /**
   * @param pattern symbols below `symbols`, each of which occurs, at least one
   * @param room text symbols loaded at once, at most
   */
  constructor(face: WasmFace, pattern: Uint32Array, symbols: number, room: number) {
    const { arena } = face;
    this.#face = face;
    this.#pattern = pattern;
    this.#shift = symbols < 0xff ? 0 : symbols < 0xffff ? 1 : 2;
    this.#narrowPattern = arena.alloc((pattern.length + SLACK) << this.#shift);
    this.#narrow = arena.alloc((room + SLACK) << this.#shift);
    this.#wide = arena.alloc((room + SLACK) * 4);
    this.#counts = arena.alloc((pattern.length + room + LANES) * 4);
    this.#lists = arena.alloc((symbols + 1) * 4);
    this.#positions = arena.alloc(pattern.length * 4);
    this.#hits = arena.alloc(HITS * 8 + 4);
    narrowTo(this.#narrowPattern, this.#shift, pattern);
    const { starts, positions } = positionsOf(pattern, symbols);
    this.#lists.u32().set(starts);
    this.#positions.u32().set(positions);
  }

  get bytes(): number {
    return this.#regions().reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** Alignments of the text that is loaded. */
  get alignments(): number {
    return this.#length - this.#pattern.length + 1;
  }

  /** Equal symbols at each alignment so far. Borrowed until the next call. */
  get counts(): Uint32Array {
    return this.#counts.u32().subarray(this.#pattern.length, this.#pattern.length + this.alignments);
  }

  /** Takes a text of at least the pattern's length; counts begin at zero. */
  load(text: Uint32Array): void {
    this.#length = text.length;
    const wide = this.#wide.u32();
    wide.set(text);
    wide.fill(DEAD, text.length);
    narrowTo(this.#narrow, this.#shift, text);
    this.#counts.u32().fill(0);
  }

  /** Compares every pair of positions. */
  addAll(): void {
    const { matchBytes, matchHalves, matchWords } = this.#face.instance.exports;
    const kernel = [matchBytes, matchHalves, matchWords][this.#shift]!;
    const some = Math.ceil(this.alignments / LANES) * LANES;
    kernel(this.#narrow.pointer, this.#narrowPattern.pointer, this.#pattern.length, some, this.#origin);
  }

  /** Counts pairs of positions of the symbols from `first` to before `last`. */
  addPairs(first: number, last: number): void {
    const lists = this.#lists.pointer + first * 4;
    const { countPairs } = this.#face.instance.exports;
    countPairs(this.#wide.pointer, this.#length, first, last, lists, this.#positions.pointer, this.#origin);
  }

  /**
   * Two symbols as a complex row: the first real, the second imaginary. Of the pattern backwards and with the second negative, so that the real
   * parts of the product of two rows count what is equal of both.
   * @param row where to @param from first symbol of the text; those before it and behind its end are none
   */
  indicateText(fft: WasmFft, from: number, first: number, second: number, row: number): void {
    const { indicateSymbols } = this.#face.instance.exports;
    const some = Math.min(fft.length, Math.ceil((this.#length - from) / 4) * 4);
    const parts = [row, row + imaginaryAt(fft.length)] as const;
    indicateSymbols(this.#wide.pointer + from * 4, some, first, second, ...parts);
    if (some === fft.length) return;
    const bytes = new Uint8Array(this.#face.arena.buffer);
    for (const part of parts) bytes.fill(0, part + some * 4, part + fft.length * 4);
  }

  indicatePattern(fft: WasmFft, first: number, second: number, row: number): void {
    const last = this.#pattern.length - 1;
    const starts = this.#lists.u32();
    const positions = this.#positions.u32();
    const indicate = (symbol: number, to: number, value: number): void => {
      const values = new Float32Array(this.#face.arena.buffer, to, fft.length).fill(0);
      if (symbol === DEAD) return;
      for (let at = starts[symbol]!; at < starts[symbol + 1]!; at++) values[last - positions[at]!] = value;
    };
    indicate(first, row, 1);
    indicate(second, row + imaginaryAt(fft.length), -1);
  }

  /** Adds the product's real parts, rounded, to the alignments from `from` on. @returns the largest distance from a whole number: from 0.25 on do not trust them */
  addProduct(fft: WasmFft, row: number, from: number): number {
    const first = this.#pattern.length - 1;
    const count = Math.min(fft.length - first, this.alignments - from);
    const values = row + first * 4;
    const { addRounded } = this.#face.instance.exports;
    const wide = count & ~3;
    let worst = addRounded(values, 1 / fft.length, wide, this.#origin + from * 4);
    const rest = new Float32Array(this.#face.arena.buffer, values, count);
    const counts = this.counts;
    for (let i = wide; i < count; i++) {
      const whole = Math.round(rest[i]! / fft.length);
      worst = Math.max(worst, Math.abs(rest[i]! / fft.length - whole));
      counts[from + i]! += whole;
    }
    return worst;
  }

  /** Adds to `found` all alignments, `shift` added, with at most `most` mismatches, by looking at each. */
  scan(most: number, shift: number, found: FoundPairs): void {
    const { scanMismatches } = this.#face.instance.exports;
    const tally = this.#hits.pointer + HITS * 8;
    const [text, pattern] = [this.#narrow.pointer, this.#narrowPattern.pointer];
    for (let at = 0; at < this.alignments; ) {
      const end = this.alignments;
      at = scanMismatches(
        text,
        at,
        end,
        pattern,
        this.#pattern.length,
        this.#shift,
        most,
        this.#hits.pointer,
        HITS,
        tally,
      );
      const hits = this.#hits.u32();
      const count = hits[HITS * 2]!;
      for (let i = 0; i < count; i++) found.push(hits[2 * i]! + shift, hits[2 * i + 1]!);
    }
  }

  /** Mismatches at one alignment; more than `most` where they are more. */
  at(alignment: number, most: number): number {
    const { mismatchesAt } = this.#face.instance.exports;
    const text = this.#narrow.pointer + (alignment << this.#shift);
    return mismatchesAt(text, this.#narrowPattern.pointer, this.#pattern.length, this.#shift, most);
  }

  [Symbol.dispose](): void {
    for (const region of this.#regions()) region[Symbol.dispose]();
  }

  #regions(): Region[] {
    return [
      this.#narrowPattern,
      this.#narrow,
      this.#wide,
      this.#counts,
      this.#lists,
      this.#positions,
      this.#hits,
    ];
  }

  /** Counts before the first alignment take pairs that no alignment has. */
  get #origin(): number {
    return this.#counts.pointer + this.#pattern.length * 4;
  }
}

function narrowTo(region: Region, shift: number, symbols: Uint32Array): void {
  const to = shift === 0 ? region.u8() : shift === 1 ? region.u16() : region.u32();
  to.set(symbols);
  to.fill(DEAD, symbols.length);
}

/** Positions of each symbol, ascending, and where each symbol's begin. */
function positionsOf(pattern: Uint32Array, symbols: number): { starts: Uint32Array; positions: Uint32Array } {
  const starts = new Uint32Array(symbols + 1);
  for (const symbol of pattern) starts[symbol + 1]!++;
  for (let s = 0; s < symbols; s++) starts[s + 1]! += starts[s]!;
  const next = starts.slice();
  const positions = new Uint32Array(pattern.length);
  pattern.forEach((symbol, at) => {
    positions[next[symbol]!++] = at;
  });
  return { starts, positions };
}
