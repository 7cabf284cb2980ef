/** Rows that a search in a graph or in cells named, scored again by codes that come from elsewhere: wasm/assembly/graph-rows.ts. */
import { preparedBytes } from "./graph-record.ts";
import { Rooms } from "./rooms.ts";
import type { WasmFace } from "./wasm.ts";

/** Bytes of a row behind its values. */
export const ROW_TAIL = 12;
const PRIME = 2_654_435_761;

/** Checksum of a row's bytes, a multiple of 4 in length: what the kernel `scoreFineRows` compares with. Source: after xxHash32 (Collet, 2012). */
export function rowSum(bytes: Uint8Array): number {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const lanes = new Int32Array(8).fill(PRIME);
  const inLanes = bytes.byteLength - (bytes.byteLength % 32);
  for (let at = 0; at < inLanes; at += 4) {
    const lane = (at >> 2) & 7;
    lanes[lane] = mixed(lanes[lane]!, words.getInt32(at, true));
  }
  let sum = lanes.reduce(mixed, 0);
  for (let at = inLanes; at < bytes.byteLength; at += 4) sum = mixed(sum, words.getInt32(at, true));
  return sum >>> 0;
}

function mixed(sum: number, word: number): number {
  const x = sum ^ word;
  return Math.imul((x << 13) | (x >>> 19), PRIME);
}

/** Rows in `room` and the queries that they are scored with. */
export interface RowPairs {
  /** Two a pair: byte offset of the row, number of the query. */
  readonly pairs: Uint32Array;
  readonly count: number;
  /** Bytes of a row. */
  readonly stride: number;
  /** Bits of a value, 8 or 16: signed, then f32 scale, f32 -|y|^2 / 2, u32 `rowSum` of those. */
  readonly bits: number;
}

export class RowScorer implements Disposable {
  readonly #face: WasmFace;
  readonly #queryBytes: number;
  readonly #rooms: Rooms;

  /** @param dim values of a query */
  constructor(face: WasmFace, dim: number) {
    this.#face = face;
    this.#rooms = new Rooms(face.arena);
    this.#queryBytes = preparedBytes(dim);
  }

  /** Bytes held in kernel memory. */
  get bytes(): number {
    return this.#rooms.bytes;
  }

  /** Room for rows that `score` takes. Borrowed until the next call. */
  room(bytes: number): Uint8Array {
    return this.#rooms.reserve("rows", bytes).u8().subarray(0, bytes);
  }

  /** Scores of the rows in `room`; NaN for one whose checksum is not its own. @param prepared of a search that is borrowed still. @returns borrowed until the next call */
  score(prepared: number, { pairs, count, stride, bits }: RowPairs): Float32Array {
    const region = this.#rooms.reserve("pairs", count * 12);
    const rows = this.#rooms.get("rows")!.pointer;
    region.u32().set(pairs.subarray(0, count * 2));
    const out = region.pointer + count * 8;
    const dims = (stride - ROW_TAIL) / (bits / 8);
    const { scoreFineRows } = this.#face.instance.exports;
    scoreFineRows(prepared, this.#queryBytes, rows, region.pointer, count, dims, bits === 16 ? 1 : 0, out);
    return region.f32().subarray(count * 2, count * 3);
  }

  [Symbol.dispose](): void {
    this.#rooms[Symbol.dispose]();
  }
}
