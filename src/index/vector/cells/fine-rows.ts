/** Where the fine codes of an index lie: in RAM, or in a file of which a search reads the few rows that it scores again. */
import type { ByteSource } from "../../../storage/byte-source.ts";

export interface FineRows extends Disposable {
  /** Bytes of RAM held. */
  readonly bytes: number;
  /** Bytes of all rows. */
  readonly size: number;
  /** What messages call it. */
  readonly location: string;
  /** Rows with a gap below so many bytes between them are better read with it, at once. */
  readonly near: number;
  /** Fills `out` with the bytes from `start` on. */
  read(start: number, out: Uint8Array): void;
}

/** @param rows borrowed */
export function fineRowsInMemory(rows: Uint8Array): FineRows {
  return {
    bytes: rows.byteLength,
    size: rows.byteLength,
    location: "fine rows in memory",
    near: 0,
    read: (start, out) => out.set(rows.subarray(start, start + out.byteLength)),
    [Symbol.dispose]() {},
  };
}

/** A call of the system costs about as much as copying so many bytes. */
const CALL_BYTES = 4096;

/** @param source read at once, as files can; closed with the rows @param start of the first row */
export function fineRowsOf(source: ByteSource & Required<Pick<ByteSource, "readInto">>, start = 0): FineRows {
  return {
    bytes: 0,
    size: Math.max(0, source.size - start),
    location: source.location ?? "fine rows",
    near: CALL_BYTES,
    read: (from, out) => source.readInto(start + from, out),
    [Symbol.dispose]() {
      void source.close();
    },
  };
}
