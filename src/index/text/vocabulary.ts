/**
 * Vocabulary: numbers of the terms of texts. Words repeat, so a run of text is turned into terms once and found by its number afterwards;
 * a thread that builds one segment after the other keeps its vocabulary.
 */
import { kernels, RunTable, WordKind } from "../../kernels/index.ts";
import { classOf, classOfPair, UNSPACED, WORD } from "./char-class.ts";
import { makeTerms } from "./normalize.ts";
import { isJoiner } from "./segment-words.ts";

/** Terms of the runs, back to back; a run has one, rarely more. */
export class Vocabulary implements Disposable {
  readonly #runs = new RunTable(kernels(), kernels().arena, "words", kindOf);
  /** Term numbers of the runs, and where those of each run end. */
  #numbers = new Uint32Array(1 << 13);
  #ends = new Uint32Array(1 << 12);
  /** Term numbers of runs that are not kept, of one text. */
  readonly #loose: Uint32Array[] = [];
  readonly #terms = new Map<string, number>();
  #bytes = new Uint8Array(1 << 15);
  #starts = new Uint32Array(1 << 12);
  #out = new Uint32Array(1 << 10);

  /** Terms, numbered from 0. */
  get size(): number {
    return this.#terms.size;
  }

  /** UTF-8 of all terms, back to back; term n lies in [starts[n], starts[n + 1]). Borrowed until the next `read`. */
  get spelling(): { readonly bytes: Uint8Array; readonly starts: Uint32Array } {
    return { bytes: this.#bytes, starts: this.#starts };
  }

  /** Numbers of a text's terms, one for each occurrence. Borrowed until the next call. */
  read(text: string): Uint32Array {
    this.#loose.length = 0;
    this.#runs.load(text);
    const runs = this.#runs.scan((start, end, kept) => this.#learn(text.slice(start, end), kept));
    let count = 0;
    for (let i = 0; i < runs.length; i++) count = this.#append(runs[i]!, count);
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

  #learn(run: string, kept: boolean): void {
    const unspaced = kindOf(run.codePointAt(0)!) === WordKind.unspaced;
    const numbers = makeTerms(run, unspaced, isAscii(run)).map((term) => this.#numberOf(term));
    if (!kept) {
      this.#loose.push(Uint32Array.from(numbers));
      return;
    }
    const entry = this.#runs.size;
    const from = entry === 0 ? 0 : this.#ends[entry - 1]!;
    if (from + numbers.length > this.#numbers.length)
      this.#numbers = wider(this.#numbers, from + numbers.length);
    if (entry >= this.#ends.length) this.#ends = wider(this.#ends, entry + 1);
    this.#numbers.set(numbers, from);
    this.#ends[entry] = from + numbers.length;
  }

  #numberOf(term: string): number {
    const known = this.#terms.get(term);
    if (known !== undefined) return known;
    const number = this.#terms.size;
    this.#terms.set(term, number);
    if (number + 1 >= this.#starts.length) this.#starts = wider(this.#starts, number + 2);
    const from = this.#starts[number]!;
    // three bytes a unit at most
    if (from + term.length * 3 > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#bytes.length * 2, from + term.length * 3));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#starts[number + 1] = from + encoder.encodeInto(term, this.#bytes.subarray(from)).written;
    return number;
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
