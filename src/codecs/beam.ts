/**
 * Beam search for the codes of residual quantisation (Chen, Guan & Wang, Approximate Nearest Neighbor Search by Residual Vector
 * Quantization, 2010; with a beam: Liu et al., Improved Residual Vector Quantization, 2015): of each row the few best codes so far are
 * kept, each goes on with every centroid of the next part.
 */
import { kernels, type Panels, type Region } from "../kernels/index.ts";
import { type Matrix, matrix, rowOf } from "../linalg/matrix.ts";
import { squareOf } from "../linalg/square.ts";

/** Rows whose candidates are scored by one call: bounds what is held in the kernels' memory. */
const BLOCK_ROWS = 64;

export class Beam {
  readonly rows: number;
  readonly #width: number;
  readonly #dim: number;
  /** What candidates leave of their rows: rows x width x dim; of the first part on `#live` of each row's are filled. */
  #residuals: Float32Array;
  #spare: Float32Array;
  /** Squared norms of the residuals. */
  #errors: Float32Array;
  /** Codes of each part: of each row's candidates the code and the candidate of the part before. */
  readonly #steps: { readonly codes: Uint8Array; readonly from: Uint8Array }[] = [];
  #live = 1;

  /** @param width candidates kept of each row */
  constructor({ rows, cols, data }: Matrix, width: number) {
    this.rows = rows;
    this.#width = width;
    this.#dim = cols;
    this.#residuals = new Float32Array(rows * width * cols);
    this.#spare = new Float32Array(rows * width * cols);
    this.#errors = new Float32Array(rows * width);
    for (let r = 0; r < rows; r++) {
      const row = data.subarray(r * cols, (r + 1) * cols);
      this.#residuals.set(row, r * width * cols);
      this.#errors[r * width] = squareOf(row);
    }
  }

  /** What the best candidates leave of their rows. */
  residuals(): Matrix {
    const out = matrix(this.rows, this.#dim);
    for (let r = 0; r < this.rows; r++) {
      const at = r * this.#width * this.#dim;
      rowOf(out, r).set(this.#residuals.subarray(at, at + this.#dim));
    }
    return out;
  }

  /** Codes of the best candidates: rows x parts so far. */
  codes(): Uint8Array {
    const parts = this.#steps.length;
    const out = new Uint8Array(this.rows * parts);
    for (let r = 0; r < this.rows; r++) {
      let candidate = 0;
      for (let part = parts - 1; part >= 0; part--) {
        const place = r * this.#width + candidate;
        out[r * parts + part] = this.#steps[part]!.codes[place]!;
        candidate = this.#steps[part]!.from[place]!;
      }
    }
    return out;
  }

  /** One part more. @param size centroids in the panels, which they fill */
  step(panels: Panels, size: number): void {
    const places = this.rows * this.#width;
    const [codes, from] = [new Uint8Array(places), new Uint8Array(places)];
    const errors = new Float32Array(places);
    const live = Math.min(this.#width, this.#live * size);
    using halves = kernels().arena.alloc(BLOCK_ROWS * this.#width * size * 4);
    using room = kernels().arena.alloc(BLOCK_ROWS * this.#width * this.#dim * 4);
    for (let first = 0; first < this.rows; first += BLOCK_ROWS) {
      const last = Math.min(this.rows, first + BLOCK_ROWS);
      const scores = this.#score(panels, size, first, last, room, halves);
      for (let r = first; r < last; r++) {
        this.#choose(scores.subarray((r - first) * this.#live * size), r, live, size, {
          codes,
          from,
          errors,
        });
        for (let i = 0; i < live; i++) {
          const place = r * this.#width + i;
          this.#subtract(r * this.#width + from[place]!, place, panels, codes[place]!);
        }
      }
    }
    [this.#residuals, this.#spare] = [this.#spare, this.#residuals];
    this.#errors = errors;
    this.#live = live;
    this.#steps.push({ codes, from });
  }

  /** Half distances of the candidates of some rows to all centroids. */
  #score(
    panels: Panels,
    size: number,
    first: number,
    last: number,
    room: Region,
    halves: Region,
  ): Float32Array {
    const width = this.#live * this.#dim;
    const rows = room.f32().subarray(0, (last - first) * width);
    for (let r = first; r < last; r++) {
      const at = r * this.#width * this.#dim;
      rows.set(this.#residuals.subarray(at, at + width), (r - first) * width);
    }
    const out = halves.f32().subarray(0, (last - first) * this.#live * size);
    kernels().halfDistancesF32(rows, this.#dim, panels, out);
    return out;
  }

  /** The best of all continuations of a row's candidates, ascending by what they leave. */
  #choose(
    halves: Float32Array,
    row: number,
    live: number,
    size: number,
    { codes, from, errors }: { codes: Uint8Array; from: Uint8Array; errors: Float32Array },
  ): void {
    const start = row * this.#width;
    let kept = 0;
    for (let candidate = 0, at = 0; candidate < this.#live; candidate++) {
      const before = this.#errors[start + candidate]!;
      for (let code = 0; code < size; code++, at++) {
        const error = before + 2 * halves[at]!;
        if (kept === live && error >= errors[start + live - 1]!) continue;
        let place = start + Math.min(kept, live - 1);
        for (; place > start && errors[place - 1]! > error; place--) {
          errors[place] = errors[place - 1]!;
          codes[place] = codes[place - 1]!;
          from[place] = from[place - 1]!;
        }
        errors[place] = error;
        codes[place] = code;
        from[place] = candidate;
        kept = Math.min(live, kept + 1);
      }
    }
  }

  /** The residual at place `from` less a centroid, to place `to` of the next ones. */
  #subtract(from: number, to: number, { data, dim }: Panels, code: number): void {
    const [source, target] = [from * dim, to * dim];
    const at = (code >> 4) * 16 * (dim + 1) + (code & 15) + 16;
    for (let d = 0; d < dim; d++) this.#spare[target + d] = this.#residuals[source + d]! - data[at + 16 * d]!;
  }
}
