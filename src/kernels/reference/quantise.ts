/** Vector quantisation in plain TypeScript: the nearest centroid, and sums of tables. */
import type { KernelFace, Panels } from "../face.ts";

export const quantising: Pick<KernelFace, "nearestF32" | "halfDistancesF32" | "sumTablesF32"> = {
  nearestF32(rows, stride, panels, out, distances) {
    const { data, dim } = panels;
    for (let r = 0; r < out.length; r++) {
      const row = rows.subarray(r * stride, r * stride + dim);
      let least = Number.POSITIVE_INFINITY;
      for (let c = 0; c < data.length / (dim + 1); c++) {
        const half = halfDistance(row, panels, c);
        if (half >= least) continue;
        least = half;
        out[r] = c;
      }
      const square = row.reduce((sum, value) => sum + value * value, 0);
      distances[r] = Math.max(0, 2 * least + square);
    }
  },
  halfDistancesF32(rows, stride, panels, out) {
    const { data, dim } = panels;
    const count = data.length / (dim + 1);
    for (let i = 0; i < out.length; i++) {
      const at = Math.floor(i / count) * stride;
      out[i] = halfDistance(rows.subarray(at, at + dim), panels, i % count);
    }
  },
  sumTablesF32(tables, { data, stride }, out) {
    for (let r = 0; r < out.length; r++) {
      let sum = 0;
      for (let b = 0; b * 256 < tables.length; b++) sum += tables[b * 256 + data[r * stride + b]!]!;
      out[r] = sum;
    }
  },
};

function halfDistance(row: Float32Array, { data, dim }: Panels, centroid: number): number {
  const at = Math.floor(centroid / 16) * 16 * (dim + 1) + (centroid % 16);
  return row.reduce((sum, value, d) => sum - value * data[at + 16 * (d + 1)]!, data[at]!);
}
