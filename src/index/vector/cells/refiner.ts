/** Scoring the best rows again by their fine codes, a few at a time, for as long as one that comes may still be among the best. */
import type { WasmCells } from "../../../kernels/index.ts";
import type { TopK } from "../../top-k.ts";
import { fineRowBytes } from "./encode.ts";
import type { FineRows } from "./fine-rows.ts";

/** Rows read at once, behind the first ones. */
const CHUNK = 8;
/** So many standard deviations above the mean gain no row is thought to come. */
const SURE = 3;

export class Refiner {
  readonly #cells: WasmCells;
  readonly #fine: FineRows;
  readonly #bits: number;
  readonly #stride: number;

  constructor(cells: WasmCells, fine: FineRows, bits: number) {
    this.#cells = cells;
    this.#fine = fine;
    this.#bits = bits;
    this.#stride = fineRowBytes(cells.graph.shape.dim, bits);
  }

  /** @param query number of it in the last search @param estimates descending @param best what `offer` fills */
  refine(
    query: number,
    slots: Uint32Array,
    estimates: Float32Array,
    best: TopK,
    offer: (slot: number, score: number) => void,
  ): void {
    const stride = this.#stride;
    let [gains, squares] = [0, 0];
    for (let from = 0, to = best.capacity + CHUNK / 2; from < slots.length; from = to, to += CHUNK) {
      if (best.isFull) {
        const mean = gains / from;
        const most = mean + SURE * Math.sqrt(Math.max(0, squares / from - mean * mean));
        if (estimates[from]! + most < best.threshold) return;
      }
      const some = slots.subarray(from, to);
      const room = this.#cells.rowRoom(some.length * stride);
      this.#fine.gather(some, stride, room);
      const scores = this.#cells.scoreRows(query, some.length, stride, this.#bits);
      for (let i = 0; i < some.length; i++) {
        const gain = scores[i]! - estimates[from + i]!;
        gains += gain;
        squares += gain * gain;
        offer(some[i]!, scores[i]!);
      }
    }
  }
}
