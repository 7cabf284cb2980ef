/** Which effort gives a wanted recall: searches of a sample of queries, against what scans of all codes and long lists find. */
import { MnemeError } from "../../../errors.ts";
import { type Matrix, rowOf } from "../../../linalg/matrix.ts";
import type { CellEffort, CellIndex } from "./cell-index.ts";

export interface CellCalibration extends CellEffort {
  /** Share of a scan's best rows that is found. */
  readonly recall: number;
}

export interface CellCalibrationOptions {
  /** Share of the k best, above 0 and up to 1. */
  readonly recall: number;
  /** Default 10. */
  readonly k?: number;
}

const STEP = 1.2;
/** Of the loss that is allowed, what may come from rows that are not scored again; the rest from cells that are not looked into. */
const KEPT_SHARE = 0.3;
/** Rows of a scan that are scored again, for each wanted one. */
const SURE_KEPT = 24;

/** Sets the index's effort. @param queries like those to come. @throws MnemeError RANGE, INSUFFICIENT_DATA */
export function calibrateCells(
  index: CellIndex,
  queries: Matrix,
  { recall, k = 10 }: CellCalibrationOptions,
): CellCalibration {
  if (!(recall > 0 && recall <= 1))
    throw new MnemeError("RANGE", `cells: recall must be above 0 and at most 1, got ${recall}`);
  if (queries.rows === 0)
    throw new MnemeError("INSUFFICIENT_DATA", "cells: no queries to calibrate with; give some dozens");
  const worst = Array.from({ length: queries.rows }, (_, q) => {
    const { scores } = index.scan(rowOf(queries, q), { k, kept: k * SURE_KEPT });
    return scores.at(-1) ?? Number.POSITIVE_INFINITY;
  });
  const wanted = Math.min(k, index.size) * queries.rows;
  const recallOf = (effort: CellEffort): number => {
    let found = 0;
    index.searchMany(queries, { k, ...effort }).forEach(({ scores }, q) => {
      for (const score of scores) if (score >= worst[q]!) found++;
    });
    return wanted === 0 ? 1 : found / wanted;
  };
  const most = k * SURE_KEPT;
  const enough = recall + (1 - recall) * KEPT_SHARE;
  const probes = least(index.cells, (tried) => recallOf({ probes: tried, kept: most }) >= enough);
  const kept = least(most, (tried) => recallOf({ probes, kept: tried }) >= recall, k);
  index.effort = { probes, kept };
  return { probes, kept, recall: recallOf({ probes, kept }) };
}

/** The least of growing numbers that will do, or the most. */
function least(most: number, will: (tried: number) => boolean, from = 1): number {
  const tried = [from];
  while (tried.at(-1)! < most)
    tried.push(Math.min(most, Math.max(tried.at(-1)! + 1, Math.round(tried.at(-1)! * STEP))));
  let [low, high] = [0, tried.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (will(tried[middle]!)) high = middle;
    else low = middle + 1;
  }
  return tried[low]!;
}
