/** Rows of the manifold generator with the true neighbours of queries, kept in a folder of temporary files between runs. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ExactNearest } from "../src/eval/exact-nearest.ts";
import { Manifold } from "../src/eval/synth-manifold.ts";
import { type Matrix, matrix, rowsOf } from "../src/linalg/matrix.ts";
import { keptFolder } from "./row.ts";

export interface VectorData {
  readonly rows: Matrix;
  readonly queries: Matrix;
  /** queries x K rows, nearest first. */
  readonly truth: Uint32Array;
}

/** True neighbours kept for each query. */
export const TRUE_NEIGHBOURS = 100;
const FOLDER = keptFolder("mneme-bench-vectors");
/** Rows made and scanned at a time. */
const BLOCK_ROWS = 8192;

export function manifoldData(count: number, dim: number, queryCount: number, seed = 1): VectorData {
  const manifold = new Manifold(dim, { seed });
  const queries = manifold.queries(queryCount);
  const name = `manifold-${count}x${dim}-s${seed}`;
  const rows = matrix(
    count,
    dim,
    kept(`${name}.rows`, count * dim, Float32Array, (out) => manifold.fill(0, out)),
  );
  const truth = kept(`${name}-q${queryCount}.truth`, queryCount * TRUE_NEIGHBOURS, Uint32Array, (out) =>
    out.set(scan(rows, queries)),
  );
  return { rows, queries, truth };
}

function scan(rows: Matrix, queries: Matrix): Uint32Array {
  const nearest = new ExactNearest(queries, TRUE_NEIGHBOURS);
  for (let first = 0; first < rows.rows; first += BLOCK_ROWS)
    nearest.add(rowsOf(rows, first, Math.min(rows.rows, first + BLOCK_ROWS)), first);
  return nearest.rows;
}

/** Values of a temporary file, made and written when it is not there. */
function kept<T extends Float32Array | Uint32Array>(
  name: string,
  length: number,
  Type: new (buffer: ArrayBuffer) => T,
  make: (out: T) => void,
): T {
  mkdirSync(FOLDER, { recursive: true });
  const path = join(FOLDER, name);
  if (existsSync(path)) {
    const bytes = readFileSync(path);
    if (bytes.byteLength === length * 4)
      return new Type(
        bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer,
      );
  }
  const values = new Type(new ArrayBuffer(length * 4));
  make(values);
  writeFileSync(`${path}.new`, new Uint8Array(values.buffer));
  renameSync(`${path}.new`, path);
  return values;
}

/** Share of the first k true neighbours among the rows found. */
export function recallAt(k: number, found: ArrayLike<number>, truth: Uint32Array, query: number): number {
  const wanted = new Set(truth.subarray(query * TRUE_NEIGHBOURS, query * TRUE_NEIGHBOURS + k));
  let hits = 0;
  for (let i = 0; i < Math.min(k, found.length); i++) if (wanted.has(found[i]!)) hits++;
  return hits / k;
}
