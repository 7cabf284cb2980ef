/** Fourier transforms in kernel memory: cyclic convolutions of f32 values of one length. Spectra may only be multiplied with each other. */
import { MnemeError } from "../errors.ts";
import type { Region } from "./arena.ts";
import type { WasmFace } from "./wasm.ts";

/** Values k to k + 3 of w^k, w^2k, w^3k, by real and imaginary parts: what a stage by fours takes. */
const GROUP = 24;

/** Lengths that there are: powers of two. */
export const FFT_LENGTHS = { least: 16, most: 2 ** 26 } as const;

/** Bytes between the parts of a row: without them both would want the same lines of the caches, and a transform take up to twice as long. */
const GAP = 1024;

/** Bytes of a complex row: its real parts, then its imaginary ones. */
export function complexBytes(length: number): number {
  return imaginaryAt(length) + length * 4;
}

/** Where in a row the imaginary parts begin, in bytes. */
export function imaginaryAt(length: number): number {
  return length * 4 + GAP;
}

export class WasmFft implements Disposable {
  readonly length: number;
  readonly #face: WasmFace;
  readonly #twiddles: Region;

  /** @param length a power of two from 16 to 2^26. @throws MnemeError RANGE */
  constructor(face: WasmFace, length: number) {
    const { least, most } = FFT_LENGTHS;
    if (!Number.isInteger(Math.log2(length)) || length < least || length > most)
      throw new MnemeError(
        "RANGE",
        `fft: length ${length}; a power of two from ${least} to ${most} is needed`,
      );
    this.length = length;
    this.#face = face;
    this.#twiddles = twiddlesOf(face, length);
  }

  get bytes(): number {
    return this.#twiddles.byteLength;
  }

  /** In place. @param row where a complex row lies */
  forward(row: number): void {
    const { forwardFft } = this.#face.instance.exports;
    forwardFft(row, row + imaginaryAt(this.length), this.length, this.#twiddles.pointer);
  }

  /** In place, times the length. */
  inverse(row: number): void {
    const { inverseFft } = this.#face.instance.exports;
    inverseFft(row, row + imaginaryAt(this.length), this.length, this.#twiddles.pointer);
  }

  /** sum = a x b, or added to what is there. */
  multiply(a: number, b: number, sum: number, isAdded: boolean): void {
    const to = imaginaryAt(this.length);
    const { multiplySpectra } = this.#face.instance.exports;
    multiplySpectra(a, a + to, b, b + to, sum, sum + to, this.length, isAdded ? 1 : 0);
  }

  [Symbol.dispose](): void {
    this.#twiddles[Symbol.dispose]();
  }
}

/** Stages by fours, largest first, then for lengths that are no power of four the stage of halves. */
function twiddlesOf(face: WasmFace, length: number): Region {
  const isOdd = Math.log2(length) % 2 === 1;
  const byFours = face.instance.exports.twiddleBytes(length);
  const region = face.arena.alloc(byFours + (isOdd ? length * 4 : 0));
  const values = region.f32();
  const first = isOdd ? length / 8 : length / 4;
  eachRoot(4 * first, first, (k, re, im) => {
    const at = Math.floor(k / 4) * GROUP + (k % 4);
    const [re2, im2] = [re * re - im * im, 2 * re * im];
    values[at] = re;
    values[at + 4] = im;
    values[at + 8] = re2;
    values[at + 12] = im2;
    values[at + 16] = re * re2 - im * im2;
    values[at + 20] = re * im2 + im * re2;
  });
  thin(values, first);
  if (!isOdd) return region;
  const halves = byFours / 4;
  eachRoot(length, length / 2, (k, re, im) => {
    const at = halves + Math.floor(k / 4) * 8 + (k % 4);
    values[at] = re;
    values[at + 4] = im;
  });
  return region;
}

/** Stages after the first take every fourth twiddle of the one before. */
function thin(values: Float32Array, first: number): void {
  let from = 0;
  for (let q = first / 4; q >= 4; q /= 4) {
    const to = from + q * GROUP;
    for (let k = 0; k < q; k++) {
      const at = to + Math.floor(k / 4) * GROUP + (k % 4);
      for (let part = 0; part < GROUP; part += 4) values[at + part] = values[from + k * GROUP + part]!;
    }
    from = to;
  }
}

/** Roots whose sines are computed: the others are their products, in f64, a tenth of the time. */
const SINES = 1024;

/** exp(-2 pi i k / length) for k from 0 to before `count`. */
function eachRoot(length: number, count: number, visit: (k: number, re: number, im: number) => void): void {
  const low = new Float64Array(2 * Math.min(SINES, count));
  for (let k = 0; 2 * k < low.length; k++) {
    low[2 * k] = Math.cos((-2 * Math.PI * k) / length);
    low[2 * k + 1] = Math.sin((-2 * Math.PI * k) / length);
  }
  for (let from = 0; from < count; from += SINES) {
    const re = Math.cos((-2 * Math.PI * from) / length);
    const im = Math.sin((-2 * Math.PI * from) / length);
    for (let k = 0; 2 * k < low.length; k++) {
      const [x, y] = [low[2 * k]!, low[2 * k + 1]!];
      visit(from + k, re * x - im * y, re * y + im * x);
    }
  }
}
