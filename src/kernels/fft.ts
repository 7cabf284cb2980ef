/** Fourier transforms in kernel memory: cyclic convolutions of f32 values of one length. Spectra may only be multiplied with each other. */
import { MnemeError } from "../errors.ts";
import type { Region } from "./arena.ts";
import type { WasmFace } from "./wasm.ts";

/** Values k to k + 3 of w^k, w^2k, w^3k, by real and imaginary parts: what a stage by fours takes. */
const GROUP = 24;

/** Lengths that there are: powers of two. */
export const FFT_LENGTHS = { least: 16, most: 2 ** 26 } as const;

/** Bytes of a complex row: its real parts, then its imaginary ones. */
export function complexBytes(length: number): number {
  return length * 8;
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
    this.#face.instance.exports.forwardFft(row, row + this.length * 4, this.length, this.#twiddles.pointer);
  }

  /** In place, times the length. */
  inverse(row: number): void {
    this.#face.instance.exports.inverseFft(row, row + this.length * 4, this.length, this.#twiddles.pointer);
  }

  /** sum = a x b, or added to what is there. */
  multiply(a: number, b: number, sum: number, isAdded: boolean): void {
    const half = this.length * 4;
    const { multiplySpectra } = this.#face.instance.exports;
    multiplySpectra(a, a + half, b, b + half, sum, sum + half, this.length, isAdded ? 1 : 0);
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
  let at = 0;
  for (let q = isOdd ? length / 8 : length / 4; q >= 4; q /= 4) {
    for (let k = 0; k < q; k++) {
      for (const power of [1, 2, 3]) {
        const angle = (-2 * Math.PI * k * power) / (4 * q);
        const to = at + Math.floor(k / 4) * GROUP + (power - 1) * 8 + (k % 4);
        values[to] = Math.cos(angle);
        values[to + 4] = Math.sin(angle);
      }
    }
    at += (q / 4) * GROUP;
  }
  if (!isOdd) return region;
  for (let k = 0; k < length / 2; k++) {
    const angle = (-2 * Math.PI * k) / length;
    const to = at + Math.floor(k / 4) * 8 + (k % 4);
    values[to] = Math.cos(angle);
    values[to + 4] = Math.sin(angle);
  }
  return region;
}
