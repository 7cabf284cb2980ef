/**
 * Cells as the index of a library's segment would be: codes of two bits in RAM, the segment's own fine codes to score again, calibrated as the
 * library's kinds are. No library has it: the benchmark of its kinds says why.
 */

import { buildCells } from "../src/index/vector/cells/build.ts";
import { CellIndex } from "../src/index/vector/cells/cell-index.ts";
import { ROOM } from "../src/index/vector/cells/options.ts";
import { type Finder, usualRecall } from "../src/index/vector/finder.ts";
import { fineSource } from "../src/index/vector/fine-source.ts";
import { effortFor, recallAt } from "../src/index/vector/recall-table.ts";
import type { RowSource } from "../src/index/vector/row-source.ts";
import { measureRecall, sampleQueries } from "../src/index/vector/sample-queries.ts";
import type { VectorCoders } from "../src/index/vector/vectors-kind.ts";
import { type Matrix, matrix } from "../src/linalg/matrix.ts";

/** Probes tried are so much apart. */
const STEP = 1.25;
/** Rows named to be scored again: at least, and for each cell that is looked into. */
const LEAST_NAMED = 20;
const NAMED = 4;
const BLOCK = 4096;

/** @param fine codes of all rows, borrowed */
export async function cellsFinder(fine: Uint8Array, coders: VectorCoders): Promise<Finder> {
  const source = fineSource(fine, coders);
  const index = new CellIndex(await buildCells(wholeOf(source), { metric: "cosine", fineBits: 0 }));
  const sample = await sampleQueries(source, fine, coders, "cosine");
  const search = (query: Float32Array, probes: number, k: number): Uint32Array =>
    index.search(query, { k: Math.max(k, namedBy(probes)), probes }).rows;
  const table = await measureRecall(sample, probesFor(index.cells), (query, probes) =>
    search(query, probes, 1),
  );
  const probesOf = (k: number, recall = usualRecall): number | undefined => effortFor(table, k, recall);
  return {
    find: (query, { k, recall }) => {
      const probes = probesOf(k, recall);
      return probes === undefined ? undefined : search(query, probes, Math.ceil(1.5 * k));
    },
    expected: ({ k, recall }, best) => {
      const probes = probesOf(k, recall);
      return probes === undefined ? 1 : recallAt(table, best, probes);
    },
    memory: () => index.memory(),
    [Symbol.dispose]: () => index[Symbol.dispose](),
  };
}

function wholeOf({ rows, cols, read }: RowSource): Matrix {
  const whole = matrix(rows, cols);
  for (let first = 0; first < rows; first += BLOCK)
    whole.data.set(read(first, Math.min(BLOCK, rows - first)), first * cols);
  return whole;
}

function probesFor(cells: number): number[] {
  const all: number[] = [];
  const most = Math.min(ROOM, cells);
  for (let probes = 1; probes < most; probes = Math.ceil(probes * STEP)) all.push(probes);
  return [...all, most];
}

const namedBy = (probes: number): number => Math.min(ROOM, LEAST_NAMED + NAMED * probes);
