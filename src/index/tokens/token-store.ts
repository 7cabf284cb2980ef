/**
 * Token vectors of documents in kernel memory: signed bytes with one scale each, and where each document's begin and end. Deleted documents
 * leave gaps until `compact`.
 */
import { kernels, type Region, tokenWidth } from "../../kernels/index.ts";
import type { Matrix } from "../../linalg/matrix.ts";

const LEVELS = 127;
const FIRST_VECTORS = 256;

/** Codes of vectors: rows x width signed bytes, zeros behind dim; a scale each. Value = code x scale, largest magnitude 127. */
export function encodeTokens({ rows, cols, data }: Matrix): { codes: Int8Array; scales: Float32Array } {
  const width = tokenWidth(cols);
  const codes = new Int8Array(rows * width);
  const scales = new Float32Array(rows);
  for (let r = 0; r < rows; r++) {
    let most = 0;
    for (let i = r * cols; i < (r + 1) * cols; i++) most = Math.max(most, Math.abs(data[i]!));
    const scale = Math.fround(most / LEVELS);
    scales[r] = scale;
    if (scale > 0)
      for (let i = 0; i < cols; i++) codes[r * width + i] = Math.round(data[r * cols + i]! / scale);
  }
  return { codes, scales };
}

export class TokenStore implements Disposable {
  readonly width: number;
  #codes: Region;
  #scales: Region;
  #vectors = 0;

  constructor(dim: number) {
    this.width = tokenWidth(dim);
    this.#codes = kernels().arena.alloc(0);
    this.#scales = kernels().arena.alloc(0);
  }

  /** Vectors held, those of deleted documents too. */
  get vectors(): number {
    return this.#vectors;
  }

  get bytes(): number {
    return this.#codes.byteLength + this.#scales.byteLength;
  }

  get codes(): Region {
    return this.#codes;
  }

  get scales(): Region {
    return this.#scales;
  }

  /** Copies codes behind the others. @returns number of the first vector */
  append(codes: Int8Array, scales: Float32Array): number {
    const first = this.#vectors;
    this.reserve(scales.length);
    this.#codes.i8().set(codes, first * this.width);
    this.#scales.f32().set(scales, first);
    this.#vectors = first + scales.length;
    return first;
  }

  /** Keeps given runs of vectors only, in their order, back to back. @param ranges first and behind the last of each, ascending */
  compact(ranges: Uint32Array): void {
    let at = 0;
    for (let i = 0; i < ranges.length; i += 2) {
      const [first, end] = [ranges[i]!, ranges[i + 1]!];
      this.#codes.i8().copyWithin(at * this.width, first * this.width, end * this.width);
      this.#scales.f32().copyWithin(at, first, end);
      at += end - first;
    }
    this.#vectors = at;
  }

  [Symbol.dispose](): void {
    this.#codes[Symbol.dispose]();
    this.#scales[Symbol.dispose]();
  }

  /** Room for so many vectors more: the first time exactly what is needed, then with slack. @throws MnemeError BUDGET */
  reserve(more: number): void {
    const vectors = this.#vectors + more;
    if (vectors * 4 <= this.#scales.byteLength) return;
    const room =
      this.#vectors === 0 ? vectors : Math.max(vectors, Math.ceil(this.#vectors * 1.5), FIRST_VECTORS);
    const { arena } = kernels();
    const codes = arena.alloc(room * this.width);
    let scales: Region;
    try {
      scales = arena.alloc(room * 4);
    } catch (error) {
      codes[Symbol.dispose]();
      throw error;
    }
    codes.u8().set(this.#codes.u8().subarray(0, this.#vectors * this.width));
    scales.u8().set(this.#scales.u8().subarray(0, this.#vectors * 4));
    this[Symbol.dispose]();
    this.#codes = codes;
    this.#scales = scales;
  }
}
