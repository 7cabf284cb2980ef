/**
 * Codebooks: 2^bits centroids for each part of a code. In product quantisation a part stands for some columns of a row, in residual
 * quantisation each part adds to all of them. Held as the kernels read them, in panels.
 */
import { MnemeError } from "../errors.ts";
import { kernels, type Panels, panelsOf } from "../kernels/index.ts";
import { type Matrix, rowOf } from "../linalg/matrix.ts";
import type { SerialHeader } from "./serial.ts";

/** From so many columns on a part is worth a call of the kernel. */
const WIDE = 24;

export type CodeBits = 4 | 8;

/** Bits of the codes of a serialised coder. @throws MnemeError CORRUPT */
export function codeBitsOf({ id, bits }: SerialHeader): CodeBits {
  if (bits === 4 || bits === 8) return bits;
  throw new MnemeError("CORRUPT", `coder: codes of ${JSON.stringify(bits)} bits in ${id}`);
}

export interface Part {
  /** First column that the part's centroids stand for; their width is the panels' dim. */
  readonly start: number;
  readonly panels: Panels;
}

export class Codebooks {
  readonly bits: CodeBits;
  readonly parts: readonly Part[];

  constructor(bits: CodeBits, parts: readonly Part[]) {
    this.bits = bits;
    this.parts = parts;
  }

  /** Centroids of a part. */
  get size(): number {
    return 2 ** this.bits;
  }

  /** Bytes of a row's packed codes. */
  get codeBytes(): number {
    return Math.ceil((this.parts.length * this.bits) / 8);
  }

  get bytes(): number {
    return this.parts.reduce((sum, { panels }) => sum + panels.data.byteLength, 0);
  }

  /** <query, centroid>: parts x size. */
  products(query: Float32Array): Float32Array {
    const out = new Float32Array(this.parts.length * this.size);
    this.parts.forEach(({ start, panels }, p) => {
      multiplyPanels(query, start, panels, out.subarray(p * this.size, (p + 1) * this.size));
    });
    return out;
  }

  /** |centroid|^2: parts x size. */
  squares(): Float32Array {
    const out = new Float32Array(this.parts.length * this.size);
    this.parts.forEach(({ panels: { data, dim } }, p) => {
      for (let c = 0; c < this.size; c++) out[p * this.size + c] = 2 * data[placeOf(c, dim)]!;
    });
    return out;
  }

  /** Adds the centroid of a part to the columns that it stands for. */
  add(part: number, centroid: number, row: Float32Array): void {
    const { start, panels } = this.parts[part]!;
    const at = placeOf(centroid, panels.dim);
    for (let d = 0; d < panels.dim; d++) row[start + d]! += panels.data[at + 16 * (d + 1)]!;
  }

  /** Adds to each row the centroids that its codes name. @param codes a row's every `stride` bytes */
  addAll(codes: Uint8Array, stride: number, to: Matrix): void {
    for (let r = 0; r < to.rows; r++) {
      const row = rowOf(to, r);
      for (let p = 0; p < this.parts.length; p++) this.add(p, codeAt(codes, r * stride, p, this.bits), row);
    }
  }

  /** Centroids of all parts, one after the other: what is stored. */
  rows(): Float32Array {
    const pieces = this.parts.map(({ panels: { data, dim } }) =>
      Float32Array.from({ length: this.size * dim }, (_, i) => {
        const at = placeOf(Math.floor(i / dim), dim);
        return data[at + 16 * ((i % dim) + 1)]!;
      }),
    );
    const all = new Float32Array(pieces.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const piece of pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }
}

/** Codebooks of centroids as `rows()` gives them. @param columns of each part: where it starts and how wide it is */
export function codebooksOf(
  bits: CodeBits,
  columns: readonly { readonly start: number; readonly width: number }[],
  rows: Float32Array,
): Codebooks {
  let at = 0;
  const parts = columns.map(({ start, width }) => {
    const centroids = rows.subarray(at, at + 2 ** bits * width);
    at += centroids.length;
    return { start, panels: panelsOf(centroids, width) };
  });
  return new Codebooks(bits, parts);
}

/** Columns cut into parts as even as can be. */
export function evenColumns(dim: number, parts: number): { start: number; width: number }[] {
  const edge = (part: number): number => Math.floor((part * dim) / parts);
  return Array.from({ length: parts }, (_, p) => ({ start: edge(p), width: edge(p + 1) - edge(p) }));
}

/** Writes the code of a part into a row's packed codes, which are zero at first: two codes of 4 bits a byte, the lower half first. */
export function putCode(codes: Uint8Array, at: number, part: number, bits: CodeBits, code: number): void {
  if (bits === 8) codes[at + part] = code;
  else codes[at + (part >> 1)]! |= code << ((part & 1) * 4);
}

export function codeAt(codes: Uint8Array, at: number, part: number, bits: CodeBits): number {
  return bits === 8 ? codes[at + part]! : (codes[at + (part >> 1)]! >> ((part & 1) * 4)) & 15;
}

/** Where the half square of a centroid stands in its panels; its values follow 16 places apart. */
function placeOf(centroid: number, dim: number): number {
  return (centroid >> 4) * 16 * (dim + 1) + (centroid & 15);
}

function multiplyPanels(query: Float32Array, start: number, panels: Panels, out: Float32Array): void {
  const { data, dim } = panels;
  if (dim >= WIDE) {
    kernels().halfDistancesF32(query.subarray(start, start + dim), dim, panels, out);
    for (let c = 0; c < out.length; c++) out[c] = data[placeOf(c, dim)]! - out[c]!;
    return;
  }
  let at = 0;
  for (let first = 0; first < out.length; first += 16) {
    at += 16;
    for (let d = 0; d < dim; d++, at += 16) {
      const value = query[start + d]!;
      for (let lane = 0; lane < 16; lane++) out[first + lane]! += value * data[at + lane]!;
    }
  }
}
