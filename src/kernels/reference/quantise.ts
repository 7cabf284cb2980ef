/** Vector quantisation in plain TypeScript: the nearest centroid, and sums of tables. */
import type { KernelFace } from "../face.ts";

export const quantising: Pick<KernelFace, "nearestF32" | "sumTablesF32"> = {
  nearestF32(rows, stride, { data, dim }, out, distances) {
    const panelSize = 16 * (dim + 1);
    for (let r = 0; r < out.length; r++) {
      const row = rows.subarray(r * stride, r * stride + dim);
      let least = Number.POSITIVE_INFINITY;
      for (let c = 0; c < data.length / (dim + 1); c++) {
        const at = Math.floor(c / 16) * panelSize + (c % 16);
        const half = row.reduce((sum, value, d) => sum - value * data[at + 16 * (d + 1)]!, data[at]!);
        if (half >= least) continue;
        least = half;
        out[r] = c;
      }
      const square = row.reduce((sum, value) => sum + value * value, 0);
      distances[r] = Math.max(0, 2 * least + square);
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
