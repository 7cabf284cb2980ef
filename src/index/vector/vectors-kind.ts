/**
 * What a segment keeps of its vectors: coarse codes, scanned from RAM, and fine codes, read from disk to re-score the few best.
 * Both are row codes of fixed size, so merging is copying.
 */

import type { Coder } from "../../codecs/codec.ts";
import { MnemeError } from "../../errors.ts";
import { type Matrix, matrix, rowsOf } from "../../linalg/matrix.ts";
import { standAside } from "../../stand-aside.ts";
import type { RowSet } from "../row-set.ts";
import { mergePlan, type Parts, type SegmentInput, type SegmentKind } from "../segment.ts";

export const COARSE = "coarse";
export const FINE = "fine";

export interface VectorCoders {
  /** Few bits a dimension; resident. */
  readonly coarse: Coder;
  /** Many bits a dimension or floats; on disk. */
  readonly fine: Coder;
}

/** Bytes of one row of codes. @throws MnemeError UNSUPPORTED for codecs without a fixed row size. */
export function rowBytes(coder: Coder): number {
  if (coder.blockRows !== 1 || coder.blockBytes === null) {
    throw new MnemeError(
      "UNSUPPORTED",
      `vectors: codec ${coder.id} has no fixed bytes per row; use a row codec such as rabitq1 or int8`,
    );
  }
  return coder.blockBytes;
}

/** The segment kind of vectors coded by `coders`; a Row is one f32 vector of `coders.fine.dim` values. */
export function vectorsKind(coders: VectorCoders): SegmentKind<Float32Array> {
  return {
    name: "vectors",
    version: 1,
    build: (rows) => buildVectors(coders, rows),
    merge: (inputs, live) => mergeVectors(coders, inputs, live),
  };
}

function buildVectors(coders: VectorCoders, rows: readonly Float32Array[]): Parts {
  const dim = coders.fine.dim;
  const all = matrix(rows.length, dim);
  rows.forEach((row, i) => all.data.set(row, i * dim));
  return new Map([
    [COARSE, encoded(coders.coarse, all)],
    [FINE, encoded(coders.fine, all)],
  ]);
}

/** Rows that are encoded in one go; between two the thread may stand aside. */
const ENCODED_ROWS = 64;

function encoded(coder: Coder, rows: Matrix): Uint8Array {
  const stride = rowBytes(coder);
  const codes = new Uint8Array(rows.rows * stride);
  for (let from = 0; from < rows.rows; from += ENCODED_ROWS) {
    standAside();
    codes.set(coder.encode(rowsOf(rows, from, Math.min(rows.rows, from + ENCODED_ROWS))), from * stride);
  }
  return codes;
}

function mergeVectors(coders: VectorCoders, inputs: readonly SegmentInput[], live: RowSet): Parts {
  const { kept, rows } = mergePlan(inputs, live);
  const merged: Parts = new Map();
  for (const [part, coder] of [
    [COARSE, coders.coarse],
    [FINE, coders.fine],
  ] as const) {
    const stride = rowBytes(coder);
    const codes = new Uint8Array(rows.count * stride);
    let at = 0;
    inputs.forEach((input, i) => {
      const source = input.parts.get(part)!;
      for (const ordinal of kept[i]!) {
        codes.set(source.subarray(ordinal * stride, (ordinal + 1) * stride), at);
        at += stride;
      }
    });
    merged.set(part, codes);
  }
  return merged;
}
