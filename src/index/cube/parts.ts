/** A cube as named byte strings for a store, and back. The store adds checksums; what comes back is still not trusted to fit together. */
import { MnemeError } from "../../errors.ts";
import { ByteReader, ByteWriter } from "../../varint.ts";
import { RowSet } from "../row-set.ts";
import type { Parts } from "../segment.ts";
import { Cell } from "./cell.ts";
import { CubeIndex } from "./cube-index.ts";

/** Grows when the bytes change. */
export const CUBE_VERSION = 1;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** `shape`, `rows`, and a part for each dimension. Deleted rows are dropped first. */
export function cubeParts(cube: CubeIndex): Parts {
  cube.drop();
  const shape = encoder.encode(
    JSON.stringify({ id: "cube", version: CUBE_VERSION, dimensions: cube.dimensions }),
  );
  const parts: Parts = new Map([
    ["shape", shape],
    ["rows", cube.rows.toBytes()],
  ]);
  cube.dimensions.forEach((dimension, i) => {
    const out = new ByteWriter();
    const put = (bytes: Uint8Array): void => {
      out.varint(bytes.length);
      out.bytes(bytes);
    };
    const labels = [...cube.stored(dimension)];
    out.varint(labels.length);
    for (const { key, label, cell } of labels) {
      put(encoder.encode(key));
      put(encoder.encode(label));
      out.varint(cell.count);
      put(cell.finish());
    }
    parts.set(`dimension ${i}`, out.finish());
  });
  return parts;
}

/** The inverse of `cubeParts`. @throws MnemeError CORRUPT, VERSION */
export function restoreCube(parts: Parts): CubeIndex {
  const dimensions = dimensionsFrom(part(parts, "shape"));
  const cube = new CubeIndex(dimensions);
  cube.restoreRows(RowSet.fromBytes(part(parts, "rows")));
  dimensions.forEach((dimension, i) => restoreDimension(cube, dimension, part(parts, `dimension ${i}`)));
  return cube;
}

function dimensionsFrom(bytes: Uint8Array): string[] {
  const shape = readJson(bytes);
  if (shape.id !== "cube") throw corrupt(`part shape is of ${JSON.stringify(shape.id)}`);
  if (shape.version !== CUBE_VERSION)
    throw new MnemeError(
      "VERSION",
      `cube: parts of version ${shape.version}, this build reads ${CUBE_VERSION}; build the cube anew`,
    );
  const { dimensions } = shape;
  if (!Array.isArray(dimensions) || dimensions.some((name) => typeof name !== "string"))
    throw corrupt(`dimensions ${JSON.stringify(dimensions)}`);
  return dimensions as string[];
}

function readJson(bytes: Uint8Array): Record<string, unknown> {
  try {
    return JSON.parse(decoder.decode(bytes)) as Record<string, unknown>;
  } catch (cause) {
    throw new MnemeError("CORRUPT", "cube: part shape is no JSON; build the cube anew", { cause });
  }
}

function restoreDimension(cube: CubeIndex, dimension: string, bytes: Uint8Array): void {
  const reader = new ByteReader(bytes);
  const take = (): Uint8Array => {
    const length = reader.varint();
    const end = reader.at + length;
    if (!(end <= bytes.length)) throw corrupt(`labels of ${dimension} end in the middle of one`);
    const found = bytes.subarray(reader.at, end);
    reader.at = end;
    return found;
  };
  const count = reader.varint();
  for (let i = 0; i < count; i++) {
    const [key, label] = [textOf(take(), dimension), textOf(take(), dimension)];
    const rows = reader.varint();
    cube.restore(dimension, { key, label, cell: checkedCell(take(), rows, cube, `${dimension}: ${label}`) });
  }
  if (reader.at !== bytes.length)
    throw corrupt(`labels of ${dimension} are followed by ${bytes.length - reader.at} bytes`);
}

function textOf(bytes: Uint8Array, dimension: string): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new MnemeError("CORRUPT", `cube: a label of ${dimension} is no UTF-8; build the cube anew`, {
      cause,
    });
  }
}

/** Rows of a cell are rows of the cube, and its bytes end with the last of them. */
function checkedCell(bytes: Uint8Array, count: number, cube: CubeIndex, name: string): Cell {
  const reader = new ByteReader(bytes);
  let row = -1;
  for (let i = 0; i < count; i++) {
    row += reader.varint() + 1;
    const times = reader.varint();
    if (reader.at > bytes.length || !cube.has(row) || times < 1)
      throw corrupt(`cell ${name} leads to row ${row}`);
  }
  if (reader.at !== bytes.length)
    throw corrupt(`cell ${name} has ${bytes.length} bytes, ${reader.at} are of its rows`);
  return Cell.from(bytes, count, row);
}

function part(parts: Parts, name: string): Uint8Array {
  const bytes = parts.get(name);
  if (!bytes) throw corrupt(`part ${name} is missing`);
  return bytes;
}

function corrupt(what: string): MnemeError {
  return new MnemeError("CORRUPT", `cube: ${what}; build the cube anew`);
}
