/** Hamming distances of a pattern and every alignment of a text. */
import { throwIfAborted } from "../../errors.ts";
import { complexBytes, DEAD, kernels, type Region, WasmFft, WasmMatches } from "../../kernels/index.ts";
import { unitCosts } from "./costs.ts";
import { chunkOf, type HammingMethod, type HammingPlan, planHamming } from "./plan.ts";
import { type Alphabet, alphabetOf, checkSymbols, type Symbols } from "./symbols.ts";

export interface HammingOptions {
  /** How; default the cheapest by what each costs on this machine. */
  readonly method?: HammingMethod;
  readonly signal?: AbortSignal;
}

/** From so far on a rounded f32 may be wrong, and its window is counted by pairs. */
const TRUSTED = 0.25;

/**
 * @param text n symbols @param pattern m symbols of the same type, m from 1 to n and 2^23
 * @returns n - m + 1 distances: of alignment i the positions j with text[i + j] other than pattern[j]. Exact.
 * @throws MnemeError DTYPE, RANGE, CANCELLED
 */
export function hammingDistances(text: Symbols, pattern: Symbols, options: HammingOptions = {}): Uint32Array {
  checkSymbols(text, pattern);
  return distancesOf(alphabetOf(text, pattern), options);
}

/** The plan that `hammingDistances` would follow. */
export function explainHamming(text: Symbols, pattern: Symbols, options: HammingOptions = {}): HammingPlan {
  checkSymbols(text, pattern);
  return planHamming(alphabetOf(text, pattern), unitCosts(), options.method);
}

export function distancesOf(alphabet: Alphabet, { method, signal }: HammingOptions): Uint32Array {
  const { text, pattern, size } = alphabet;
  const plan = planHamming(alphabet, unitCosts(), method);
  const alignments = text.length - pattern.length + 1;
  const chunk = chunkOf(plan.length);
  const distances = new Uint32Array(alignments);
  using matches = new WasmMatches(kernels(), pattern, size, Math.min(chunk, alignments) + pattern.length - 1);
  using transforms =
    plan.transformed > 0
      ? new Transforms(matches, plan, Math.min(chunk, alignments), pattern.length)
      : undefined;
  for (let first = 0; first < alignments; first += chunk) {
    throwIfAborted(signal, "hamming");
    const some = Math.min(chunk, alignments - first);
    matches.load(text.subarray(first, first + some + pattern.length - 1));
    if (plan.method === "compare") matches.addAll();
    const isExact = transforms?.add(signal) ?? true;
    if (!isExact) matches.load(text.subarray(first, first + some + pattern.length - 1));
    if (plan.method === "count" && (plan.transformed < size || !isExact))
      matches.addPairs(isExact ? plan.transformed : 0, size);
    const { counts } = matches;
    for (let i = 0; i < some; i++) distances[first + i] = pattern.length - counts[i]!;
  }
  return distances;
}

/** Symbols of a plan counted by transforms: the sums of all windows are kept until every pair of symbols was added, and go back once. */
class Transforms implements Disposable {
  readonly #matches: WasmMatches;
  readonly #plan: HammingPlan;
  readonly #fft: WasmFft;
  /** Alignments of a window. */
  readonly #step: number;
  readonly #rows: Region;
  readonly #sums: Region;

  constructor(matches: WasmMatches, plan: HammingPlan, alignments: number, pattern: number) {
    const { arena } = kernels();
    this.#matches = matches;
    this.#plan = plan;
    this.#fft = new WasmFft(kernels(), plan.length);
    this.#step = plan.length - pattern + 1;
    this.#rows = arena.alloc(2 * complexBytes(plan.length));
    this.#sums = arena.alloc(Math.ceil(alignments / this.#step) * complexBytes(plan.length));
  }

  /** @returns whether all sums were near enough to whole numbers */
  add(signal: AbortSignal | undefined): boolean {
    const { transformed, length } = this.#plan;
    const bytes = complexBytes(length);
    const [mine, other] = [this.#rows.pointer, this.#rows.pointer + bytes];
    const windows = Math.ceil(this.#matches.alignments / this.#step);
    for (let symbol = 0; symbol < transformed; symbol += 2) {
      throwIfAborted(signal, "hamming");
      const second = symbol + 1 < transformed ? symbol + 1 : DEAD;
      this.#matches.indicatePattern(this.#fft, symbol, second, other);
      this.#fft.forward(other);
      for (let w = 0; w < windows; w++) {
        this.#matches.indicateText(this.#fft, w * this.#step, symbol, second, mine);
        this.#fft.forward(mine);
        this.#fft.multiply(mine, other, this.#sums.pointer + w * bytes, symbol > 0);
      }
    }
    let worst = 0;
    for (let w = 0; w < windows; w++) {
      const sums = this.#sums.pointer + w * bytes;
      this.#fft.inverse(sums);
      worst = Math.max(worst, this.#matches.addProduct(this.#fft, sums, w * this.#step));
    }
    return worst < TRUSTED;
  }

  [Symbol.dispose](): void {
    for (const part of [this.#fft, this.#rows, this.#sums]) part[Symbol.dispose]();
  }
}
