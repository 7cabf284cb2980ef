/** Every kernel again in plain TypeScript: slow, obvious, the twin that tests compare with and the fallback where SIMD is missing. */
import type { KernelFace, OneBitQuery, Rows, TableQuery } from "../face.ts";
import { encoders } from "./encode.ts";
import { merging } from "./merge.ts";
import { nearest } from "./nearest.ts";
import { quantising } from "./quantise.ts";
import { runs } from "./runs.ts";

export const reference: KernelFace = {
  name: "reference",
  ...encoders,
  ...merging,
  ...quantising,
  ...runs,
  dotF32: (query, rows, out) => forRows(query.length, rows, out, (row, i) => query[i]! * rows[row + i]!),
  l2F32: (query, rows, out) =>
    forRows(query.length, rows, out, (row, i) => (query[i]! - rows[row + i]!) ** 2),
  dotI8: (query, rows, out) => forCodes(query.length, rows, out, (code, i) => query[i]! * signed(code)),
  l2I8: (query, rows, out) => forCodes(query.length, rows, out, (code, i) => (query[i]! - signed(code)) ** 2),
  dotF32I8: (query, rows, out) => forCodes(query.length, rows, out, (code, i) => query[i]! * signed(code)),
  distancesI8(query, rows, places, bases, out) {
    const view = new DataView(rows.buffer, rows.byteOffset, rows.byteLength);
    places.forEach((place, i) => {
      const tail = place + query.length;
      let product = 0;
      for (let j = 0; j < query.length; j++) product += query[j]! * view.getInt8(place + j);
      out[i] = bases[i]! + view.getFloat32(tail + 4, true) - 2 * view.getFloat32(tail, true) * product;
    });
  },
  dotF32U4(query, rows, out) {
    for (let r = 0; r < rows.count; r++) {
      let sum = 0;
      for (let i = 0; i < query.length; i++)
        sum += query[i]! * nibble(rows.data[r * rows.stride + (i >> 1)]!, i);
      out[r] = sum;
    }
  },
  hamming: (query, rows, out) =>
    forCodes(query.length, rows, out, (code, i) => bits((query[i]! ^ code) & 255)),
  binaryDot4(planes, rows, out) {
    const bytes = planes.length / 4;
    forCodes(bytes, rows, out, (code, i) => {
      let sum = 0;
      for (let j = 0; j < 4; j++) sum += bits(code & 255 & planes[j * bytes + i]!) << j;
      return sum;
    });
  },
  scoreOneBit(query, rows, out) {
    const sums = new Int32Array(rows.count);
    reference.binaryDot4(query.planes, rows, sums);
    const view = new DataView(rows.data.buffer, rows.data.byteOffset, rows.data.byteLength);
    for (let r = 0; r < rows.count; r++) {
      const end = (r + 1) * rows.stride;
      const [factor, ones] = [view.getFloat32(end - 8, true), view.getUint16(end - 2, true)];
      out[r] = oneBitScore(query, sums[r]!, ones, factor, view.getUint16(end - 4, true));
    }
  },
  matmulF32(a, b, out, m, k, n) {
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let p = 0; p < k; p++) sum += a[i * k + p]! * b[p * n + j]!;
        out[i * n + j] = sum;
      }
    }
  },
  matmulTransposedF32(a, b, out, m, k, n) {
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let p = 0; p < k; p++) sum += a[i * k + p]! * b[j * k + p]!;
        out[i * n + j] = sum;
      }
    }
  },
  scanOneBit(query, lut, blocks, out) {
    const view = new DataView(blocks.buffer, blocks.byteOffset, blocks.byteLength);
    for (let row = 0; row < out.length; row++) {
      const i = row % 32;
      const block = Math.floor(row / 32) * (lut.length + 256);
      const sum = sumBlock(blocks, block, i, lut);
      const tail = block + lut.length;
      const factor = view.getFloat32(tail + i * 4, true);
      const upper = view.getUint16(tail + 128 + i * 2, true);
      const ones = view.getUint16(tail + 192 + i * 2, true);
      out[row] = oneBitScore(query, sum, ones, factor, upper);
    }
  },
  scanTables(query, lut, blocks, out) {
    const view = new DataView(blocks.buffer, blocks.byteOffset, blocks.byteLength);
    for (let row = 0; row < out.length; row++) {
      const i = row % 32;
      const block = Math.floor(row / 32) * (lut.length + 64);
      const dot = query.low + query.step * sumBlock(blocks, block, i, lut);
      out[row] = scoreByMetric(query, dot, view.getUint16(block + lut.length + i * 2, true));
    }
  },
  scanScaledTables(query, lut, blocks, out) {
    const view = new DataView(blocks.buffer, blocks.byteOffset, blocks.byteLength);
    for (let row = 0; row < out.length; row++) {
      const i = row % 32;
      const block = Math.floor(row / 32) * (lut.length + 128);
      const tail = block + lut.length + i * 2;
      const dot = query.low + query.step * sumBlock(blocks, block, i, lut);
      out[row] = scoreByMetric(
        query,
        widened(view.getUint16(tail, true)) * dot,
        view.getUint16(tail + 64, true),
      );
    }
  },
  scanLevels({ step, low, shift }, lut, blocks, out) {
    const view = new DataView(blocks.buffer, blocks.byteOffset, blocks.byteLength);
    for (let row = 0; row < out.length; row++) {
      const i = row % 32;
      const block = Math.floor(row / 32) * (lut.length + 64);
      const square = view.getUint16(block + lut.length + i * 2, true);
      out[row] = (low + step * sumBlock(blocks, block, i, lut)) / Math.sqrt(square) + shift;
    }
  },
  fwhtF32(rows, dim) {
    for (let start = 0; start < rows.length; start += dim) {
      for (let half = 1; half < dim; half *= 2) {
        for (let i = 0; i < dim; i++) {
          if (i & half) continue;
          const [x, y] = [rows[start + i]!, rows[start + i + half]!];
          rows[start + i] = x + y;
          rows[start + i + half] = x - y;
        }
      }
    }
  },
  normalizeF32(rows, dim) {
    for (let start = 0; start < rows.length; start += dim) {
      let square = 0;
      for (let i = 0; i < dim; i++) square += rows[start + i]! ** 2;
      if (square > 0) for (let i = 0; i < dim; i++) rows[start + i]! /= Math.sqrt(square);
    }
  },
  dequantI8(codes, scales, dim, out) {
    codes.forEach((code, i) => {
      out[i] = code * scales[Math.floor(i / dim)]!;
    });
  },
  dequantU4(codes, scales, minima, group, out) {
    for (let i = 0; i < out.length; i++) {
      const g = Math.floor(i / group);
      out[i] = minima[g]! + nibble(codes[i >> 1]!, i) * scales[g]!;
    }
  },
  gatherSumI8(table, scales, stride, ids, weights, count, out) {
    out.fill(0);
    for (let first = 0; first < count; first += 512) {
      const factors = Array.from(ids.subarray(first, Math.min(count, first + 512)), (id, t) =>
        Math.fround(scales[id]! * (weights?.[first + t] ?? 1)),
      );
      const most = Math.max(...factors.map(Math.abs));
      if (most === 0) continue;
      const shares = factors.map((factor) => nearest(Math.fround(factor * Math.fround(32_767 / most))));
      for (let i = 0; i < out.length; i++) {
        let sum = 0;
        shares.forEach((share, t) => {
          sum += share * table[ids[first + t]! * stride + i]!;
        });
        out[i]! += (sum * most) / 32_767;
      }
    }
  },
  selectAbove(scores, threshold, out) {
    const limit = Math.fround(threshold);
    let found = 0;
    scores.forEach((score, i) => {
      if (!(score >= limit)) return;
      if (found < out.length) out[found] = i;
      found++;
    });
    return found;
  },
  sumBytes(data) {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength & ~63);
    let sum = 0;
    for (let i = 0; i < view.byteLength; i += 4) sum = (sum + view.getInt32(i, true)) | 0;
    return sum;
  },
};

/** Sum of the looked-up bytes of row i of a block. */
function sumBlock(blocks: Uint8Array, block: number, i: number, lut: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < lut.length; at += 16)
    sum += lut[at + nibble(blocks[block + at + (i % 16)]!, i < 16 ? 0 : 1)]!;
  return sum;
}

/** @param sum of the query's levels where the code has ones @param upper half of the f32 squared norm */
function oneBitScore(query: OneBitQuery, sum: number, ones: number, factor: number, upper: number): number {
  return scoreByMetric(query, factor * (query.step * sum + query.low * ones - query.half), upper);
}

const widened = (upper: number): number => new Float32Array(Uint32Array.of(upper << 16).buffer)[0]!;

/** @param upper half of the row's f32 squared norm */
function scoreByMetric({ square, metric }: TableQuery, dot: number, upper: number): number {
  const rowSquare = widened(upper);
  const norms = Math.sqrt(square * rowSquare);
  if (metric === "dot") return dot;
  if (metric === "cosine") return norms > 0 ? dot / norms : 0;
  return 2 * dot - square - rowSquare;
}

function forRows(
  dim: number,
  rows: Float32Array,
  out: Float32Array,
  term: (row: number, i: number) => number,
): void {
  if (dim === 0) return;
  for (let r = 0; r * dim < rows.length; r++) {
    let sum = 0;
    for (let i = 0; i < dim; i++) sum += term(r * dim, i);
    out[r] = sum;
  }
}

function forCodes(
  width: number,
  rows: Rows,
  out: Float32Array | Int32Array | Uint32Array,
  term: (code: number, i: number) => number,
): void {
  for (let r = 0; r < rows.count; r++) {
    let sum = 0;
    for (let i = 0; i < width; i++) sum += term(rows.data[r * rows.stride + i]!, i);
    out[r] = sum;
  }
}

const signed = (byte: number): number => (byte << 24) >> 24;
const nibble = (byte: number, i: number): number => (byte >> ((i & 1) * 4)) & 15;

function bits(byte: number): number {
  let count = 0;
  for (let rest = byte; rest !== 0; rest &= rest - 1) count++;
  return count;
}
