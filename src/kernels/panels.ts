/** Centroids as the kernel of the nearest ones reads them. */
import type { Panels } from "./face.ts";

const WIDTH = 16;

/** @param centroids of `dim` values, one after the other */
export function panelsOf(centroids: Float32Array, dim: number): Panels {
  const count = centroids.length / dim;
  const size = WIDTH * (dim + 1);
  const data = new Float32Array(Math.ceil(count / WIDTH) * size);
  for (let c = 0; c < Math.ceil(count / WIDTH) * WIDTH; c++) {
    const at = Math.floor(c / WIDTH) * size + (c % WIDTH);
    let square = c < count ? 0 : Number.POSITIVE_INFINITY;
    for (let d = 0; d < dim && c < count; d++) {
      const value = centroids[c * dim + d]!;
      data[at + WIDTH * (d + 1)] = value;
      square += value * value;
    }
    data[at] = square / 2;
  }
  return { data, dim };
}
