import { expect, test } from "vitest";
import { f32, rabitq } from "../../../codecs/index.ts";
import { matrix, rowOf } from "../../../linalg/index.ts";
import { contiguousRows, memorySegment } from "../../segment.ts";
import { FINE, vectorsKind } from "../vectors-kind.ts";
import { MadeUp } from "./made-up.test.support.ts";
import { buildSegmentLists, openSegmentLists } from "./segment-lists.ts";

const DIM = 24;
const [ROWS, SAME] = [3000, 1200];

test("rows that are equal by the hundred leave lists without rows: all others are found", async () => {
  const rows = new MadeUp(DIM, 4).rows(ROWS);
  for (let row = 0; row < SAME; row++) rows.data.copyWithin(row * DIM, ROWS * DIM - DIM, ROWS * DIM);
  const none = matrix(0, DIM);
  const coders = { coarse: rabitq({ bits: 1 }).fit(none), fine: f32().fit(none) };
  const all = Array.from({ length: ROWS }, (_, row) => rowOf(rows, row));
  const fine = vectorsKind(coders).build(all).get(FINE)!;
  const parts = await buildSegmentLists(fine, coders, { metric: "cosine" });
  using lists = await openSegmentLists(memorySegment(1, contiguousRows(0, ROWS), parts));
  let found = 0;
  for (let row = SAME; row < ROWS - 1; row += 20) {
    const some = await lists.find(all[row]!, { k: 1, matching: ROWS });
    if (some?.includes(row)) found++;
  }
  expect(found).toBeGreaterThanOrEqual(0.95 * Math.floor((ROWS - 1 - SAME) / 20));
});
