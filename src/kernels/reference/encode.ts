/** Codes of rows in plain TypeScript. */
import type { KernelFace } from "../face.ts";
import { nearest } from "./nearest.ts";

export const encoders: Pick<KernelFace, "scaleColumnsF32" | "findNotFinite" | "encodeOneBit" | "encodeI8"> = {
  scaleColumnsF32(rows, factors) {
    rows.forEach((value, i) => {
      rows[i] = value * factors[i % factors.length]!;
    });
  },
  findNotFinite: (values, least = 255) =>
    values.findIndex(
      (value) => !(Math.abs(value) < (least < 255 ? 2 ** (least - 127) : Number.POSITIVE_INFINITY)),
    ),
  encodeOneBit(rows, dim, stride, codes) {
    const view = new DataView(codes.buffer, codes.byteOffset, codes.byteLength);
    for (let r = 0; r * dim < rows.length; r++) {
      const row = rows.subarray(r * dim, (r + 1) * dim);
      const [sum, square] = [total(row, Math.abs), total(row, (value) => value * value)];
      row.forEach((value, i) => {
        if (value >= 0) codes[r * stride + (i >> 3)]! |= 1 << (i & 7);
      });
      const tail = (r + 1) * stride - 8;
      view.setFloat32(tail + 4, square, true);
      const upper = Math.min(0xffff, (view.getUint32(tail + 4, true) + 0x8000) >>> 16);
      view.setFloat32(tail, sum > 0 ? (2 * square) / sum : 0, true);
      view.setUint16(tail + 4, upper, true);
      view.setUint16(
        tail + 6,
        total(row, (value) => (value >= 0 ? 1 : 0)),
        true,
      );
    }
  },
  encodeI8(rows, dim, codes) {
    const view = new DataView(codes.buffer, codes.byteOffset, codes.byteLength);
    for (let r = 0; r * dim < rows.length; r++) {
      const row = rows.subarray(r * dim, (r + 1) * dim);
      const scale = Math.fround(row.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127);
      const levels = Array.from(row, (value) => (scale > 0 ? nearest(Math.fround(value / scale)) : 0));
      const at = r * (dim + 8);
      levels.forEach((level, i) => view.setInt8(at + i, level));
      const square = levels.reduce((sum, level) => sum + level * level, 0);
      view.setFloat32(at + dim, scale, true);
      view.setFloat32(at + dim + 4, square * scale * scale, true);
    }
  },
};

function total(row: Float32Array, of: (value: number) => number): number {
  return row.reduce((sum, value) => sum + of(value), 0);
}
