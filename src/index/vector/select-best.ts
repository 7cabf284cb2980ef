/** selectBest: which of a run's scores are worth a place on the list. The list's threshold only rises, so stripes are sifted by a kernel first. */
import { kernels } from "../../kernels/index.ts";
import type { RowSet } from "../row-set.ts";
import type { Shortlist } from "../shortlist.ts";
import type { Run } from "./run.ts";
import type { Scratch } from "./scratch.ts";

/** Rows sifted by one call of the selection kernel: few while the list's threshold is low, more as it rises. */
const FIRST_SIFT_ROWS = 1024;
const SIFT_ROWS = 32_768;

/** Rows in the room for what the kernel lets through: to be made before there are scores, for it may detach them. */
export const siftRoom = (room: Scratch): Uint32Array => room.u32(SIFT_ROWS);

/** @param first place of the run's first row on the list @param room as `siftRoom` made it */
export function selectBest(
  scores: Float32Array,
  run: Run,
  first: number,
  list: Shortlist,
  room: Scratch,
  filter: RowSet | undefined,
): void {
  const sifted = siftRoom(room);
  for (let start = 0; start < run.count; ) {
    const rows = Math.min(SIFT_ROWS, Math.max(FIRST_SIFT_ROWS, first + start), run.count - start);
    const found = kernels().selectAbove(scores.subarray(start, start + rows), list.threshold, sifted);
    for (let i = 0; i < found; i++) {
      const ordinal = start + sifted[i]!;
      if (!filter || filter.has(run.rowAt(ordinal))) list.push(scores[ordinal]!, first + ordinal);
    }
    list.settle();
    start += rows;
  }
}
