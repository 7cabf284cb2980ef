/**
 * Vocabulary: numbers of the terms of texts. Words repeat, so a run of text is turned into terms once and found by its number afterwards;
 * a thread that builds one segment after the other keeps its vocabulary.
 */
import { kernels, RunTable, WordKind } from "../../kernels/index.ts";
import { classOf, classOfPair, UNSPACED, WORD } from "./char-class.ts";
import { makeTerms } from "./normalize.ts";
import { isJoiner } from "./segment-words.ts";
import type { ByteStrings } from "./sort-terms.ts";
import { stemBytes } from "./stem-english.ts";
import { TermTable } from "./term-table.ts";

/** Longest run whose terms are made without strings. */
const MAX_PLAIN = 64;

export class Vocabulary implements Disposable {
  readonly #runs = new RunTable(kernels(), kernels().arena, "words", kindOf);
  /** Term numbers of the runs, back to back, and where those of each run end; a run has one, rarely more. */
  #numbers = new Uint32Array(1 << 13);
  #ends = new Uint32Array(1 << 12);
  /** Term numbers of runs that are not kept, of one text. */
  readonly #loose: Uint32Array[] = [];
  readonly #terms = new TermTable();
  #out = new Uint32Array(1 << 10);
  /** A term under work, and a letter more for the stemmer. */
  readonly #scratch = new Uint8Array(MAX_PLAIN * 3 + 1);
  #text = "";

  /** Terms, numbered from 0. */
  get size(): number {
    return this.#terms.size;
  }

  /** UTF-8 of all terms. Borrowed until the next `read`. */
  get spelling(): ByteStrings {
    return this.#terms;
  }

  /** Numbers of a text's terms, one for each occurrence. Borrowed until the next call. */
  read(text: string): Uint32Array {
    this.#text = text;
    this.#loose.length = 0;
    this.#runs.load(text);
    const found = this.#runs.scan(this.#learn);
    const { numbers } = this.#runs;
    let count = 0;
    for (let i = 0; i < found; i++) count = this.#append(numbers[i]!, count);
    return this.#out.subarray(0, count);
  }

  [Symbol.dispose](): void {
    this.#runs[Symbol.dispose]();
  }

  /** Writes a run's numbers to the output. @returns where they end */
  #append(run: number, at: number): number {
    const numbers = run < 0 ? this.#loose[-1 - run]! : this.#numbers;
    const from = run <= 0 ? 0 : this.#ends[run - 1]!;
    const to = run < 0 ? numbers.length : this.#ends[run]!;
    if (at + to - from > this.#out.length) this.#out = wider(this.#out, at + to - from);
    const out = this.#out;
    let end = at;
    for (let i = from; i < to; i++) out[end++] = numbers[i]!;
    return end;
  }

  readonly #learn = (start: number, end: number, kept: boolean): void => {
    const plain = this.#plainTerm(start, end);
    const numbers = plain < 0 ? this.#termsOf(this.#text.slice(start, end)) : [plain];
    if (!kept) {
      this.#loose.push(Uint32Array.from(numbers));
      return;
    }
    const entry = this.#runs.size;
    const from = entry === 0 ? 0 : this.#ends[entry - 1]!;
    const to = from + numbers.length;
    if (to > this.#numbers.length) this.#numbers = wider(this.#numbers, to);
    if (entry >= this.#ends.length) this.#ends = wider(this.#ends, entry + 1);
    for (let i = 0; i < numbers.length; i++) this.#numbers[from + i] = numbers[i]!;
    this.#ends[entry] = to;
  };

  /** Number of the one term of a plain run, as `makeTerms` has it; -1 for every other run. */
  #plainTerm(start: number, end: number): number {
    if (end - start > MAX_PLAIN) return -1;
    const { units } = this.#runs;
    const term = this.#scratch;
    let isWord = true;
    let wasSmall = false;
    for (let i = start; i < end; i++) {
      const unit = units[i]!;
      if (unit > 127) return -1;
      const isSmall = unit >= 0x61 && unit <= 0x7a;
      const isLetter = isSmall || (unit >= 0x41 && unit <= 0x5a);
      // an identifier of several parts
      if (wasSmall && isLetter && !isSmall) return -1;
      wasSmall = isSmall;
      if (!isLetter && (unit !== 0x27 || i === start)) isWord = false;
      term[i - start] = isLetter ? unit | 0x20 : unit;
    }
    return this.#terms.numberOf(term, isWord ? stemBytes(term, end - start) : end - start);
  }

  #termsOf(run: string): number[] {
    const unspaced = kindOf(run.codePointAt(0)!) === WordKind.unspaced;
    return makeTerms(run, unspaced, isAscii(run)).map((term) => {
      const room = term.length * 3 > this.#scratch.length ? new Uint8Array(term.length * 3) : this.#scratch;
      return this.#terms.numberOf(room, encoder.encodeInto(term, room).written);
    });
  }
}

const encoder = new TextEncoder();

function isAscii(run: string): boolean {
  for (let i = 0; i < run.length; i++) if (run.charCodeAt(i) > 127) return false;
  return true;
}

function kindOf(codePoint: number): number {
  if (isJoiner(codePoint)) return WordKind.joiner;
  const kind = codePoint < 0x10000 ? classOf(codePoint) : classOfPair(codePoint);
  if (kind === WORD) return WordKind.word;
  return kind === UNSPACED ? WordKind.unspaced : 0;
}

function wider(from: Uint32Array, least: number): Uint32Array<ArrayBuffer> {
  const to = new Uint32Array(Math.max(from.length * 2, least));
  to.set(from);
  return to;
}
