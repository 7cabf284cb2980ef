/**
 * Vocabulary: numbers of the terms of texts. Words repeat, so a run of text is turned into terms once and found by its number afterwards;
 * a thread that builds one segment after the other keeps its vocabulary.
 */
import { kernels, RunTable, WordKind } from "../../kernels/index.ts";
import { classOf, classOfPair, UNSPACED, WORD } from "./char-class.ts";
import { isData, makeTerms } from "./normalize.ts";
import { isJoiner } from "./segment-words.ts";
import type { ByteStrings } from "./sort-terms.ts";
import { stemBytes } from "./stem-english.ts";
import { TermTable } from "./term-table.ts";

/** Room for so many runs at first. */
const FIRST_RUNS = 1 << 15;
/** Longest run whose terms are made without strings. */
const MAX_PLAIN = 64;

export class Vocabulary implements Disposable {
  readonly #runs = new RunTable(kernels(), kernels().arena, "words", kindOf);
  /** Term numbers of the runs, back to back, and where those of each run end; a run has one, rarely more. */
  #numbers = new Uint32Array(FIRST_RUNS);
  #ends = new Uint32Array(FIRST_RUNS);
  /** Term numbers of runs that are not kept, of one text. */
  readonly #loose: Uint32Array[] = [];
  readonly #terms = new TermTable();
  #out = new Uint32Array(1 << 10);
  /** A term under work, and a letter more for the stemmer. */
  readonly #scratch = new Uint8Array(MAX_PLAIN * 3 + 1);
  /** Terms of the run under work. */
  #found: number[] = [];
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
    if (!this.#findPlain(start, end)) this.#findTerms(this.#text.slice(start, end));
    const found = this.#found;
    if (!kept) {
      this.#loose.push(Uint32Array.from(found));
      return;
    }
    const entry = this.#runs.size;
    const from = entry === 0 ? 0 : this.#ends[entry - 1]!;
    const to = from + found.length;
    if (to > this.#numbers.length) this.#numbers = wider(this.#numbers, to);
    if (entry >= this.#ends.length) this.#ends = wider(this.#ends, entry + 1);
    for (let i = 0; i < found.length; i++) this.#numbers[from + i] = found[i]!;
    this.#ends[entry] = to;
  };

  /** Finds the terms of an ASCII run as `makeTerms` has them, without strings. @returns false for every other run */
  #findPlain(start: number, end: number): boolean {
    if (end - start > MAX_PLAIN) return false;
    const { units } = this.#runs;
    let isCamel = false;
    let hasDigit = false;
    for (let i = start; i < end; i++) {
      const unit = units[i]!;
      if (unit > 127) return false;
      if (i === start) continue;
      const before = units[i - 1]!;
      if (isLarge(unit) && isSmall(before)) isCamel = true;
      if (isDigit(before) && (isLarge(unit) || isSmall(unit))) hasDigit = true;
    }
    this.#found.length = 0;
    this.#add(start, end);
    if (!isCamel || (hasDigit && isData(end - start, partsIn(units, start, end)))) return true;
    let part = start;
    for (let i = start + 1; i <= end; i++) {
      if (i < end && !isCut(units, i, end)) continue;
      this.#add(part, i);
      part = i;
    }
    return true;
  }

  /** Adds the term of units [start, end): in lower case, stemmed if it is a word. */
  #add(start: number, end: number): void {
    const { units } = this.#runs;
    const term = this.#scratch;
    let isWord = true;
    for (let i = start; i < end; i++) {
      const unit = units[i]!;
      const isLetter = isSmall(unit) || isLarge(unit);
      if (!isLetter && (unit !== APOSTROPHE || i === start)) isWord = false;
      term[i - start] = isLetter ? unit | 0x20 : unit;
    }
    const number = this.#terms.numberOf(term, isWord ? stemBytes(term, end - start) : end - start);
    if (!this.#found.includes(number)) this.#found.push(number);
  }

  #findTerms(run: string): void {
    const unspaced = kindOf(run.codePointAt(0)!) === WordKind.unspaced;
    this.#found = makeTerms(run, unspaced, isAscii(run)).map((term) => {
      const room = term.length * 3 > this.#scratch.length ? new Uint8Array(term.length * 3) : this.#scratch;
      return this.#terms.numberOf(room, encoder.encodeInto(term, room).written);
    });
  }
}

const encoder = new TextEncoder();
const APOSTROPHE = 0x27;

function isSmall(unit: number): boolean {
  return unit >= 0x61 && unit <= 0x7a;
}

function isLarge(unit: number): boolean {
  return unit >= 0x41 && unit <= 0x5a;
}

function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39;
}

function partsIn(units: Uint16Array, start: number, end: number): number {
  let parts = 1;
  for (let i = start + 1; i < end; i++) if (isCut(units, i, end)) parts++;
  return parts;
}

/** Whether a new part of an identifier begins at `at`: get|User, v2|Api, HTTP|Server. */
function isCut(units: Uint16Array, at: number, end: number): boolean {
  if (!isLarge(units[at]!)) return false;
  const before = units[at - 1]!;
  if (isSmall(before) || isDigit(before)) return true;
  return isLarge(before) && at + 1 < end && isSmall(units[at + 1]!);
}

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
