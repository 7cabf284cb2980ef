/** Where the fine codes of a cell index lie: in RAM, or in a file of which a search reads the few rows that it scores again. */
import type { ByteSource } from "../../../storage/byte-source.ts";

export interface FineRows extends Disposable {
  /** Bytes of RAM held. */
  readonly bytes: number;
  /** Copies rows of `stride` bytes back to back to `out`. */
  gather(slots: Uint32Array, stride: number, out: Uint8Array): void;
}

/** @param rows borrowed */
export function fineRowsInMemory(rows: Uint8Array): FineRows {
  return {
    bytes: rows.byteLength,
    gather(slots, stride, out) {
      slots.forEach((slot, i) => {
        out.set(rows.subarray(slot * stride, (slot + 1) * stride), i * stride);
      });
    },
    [Symbol.dispose]() {},
  };
}

/** Rows so near in the file are read at once: a call costs about as much as copying so many bytes. */
const NEAR_BYTES = 4096;

/** @param source read at once, as files can; closed with the rows @param start of the first row */
export function fineRowsOf(source: ByteSource & Required<Pick<ByteSource, "readInto">>, start = 0): FineRows {
  let room = new Uint8Array(2 * NEAR_BYTES);
  return {
    get bytes() {
      return room.byteLength;
    },
    gather(slots, stride, out) {
      const order = Uint32Array.from(slots.keys()).sort((a, b) => slots[a]! - slots[b]!);
      for (let i = 0; i < order.length; ) {
        const first = slots[order[i]!]!;
        let end = i + 1;
        while (
          end < order.length &&
          (slots[order[end]!]! - slots[order[end - 1]!]! - 1) * stride < NEAR_BYTES
        )
          end++;
        const length = (slots[order[end - 1]!]! + 1 - first) * stride;
        if (room.byteLength < length) room = new Uint8Array(length * 2);
        const bytes = room.subarray(0, length);
        source.readInto(start + first * stride, bytes);
        for (; i < end; i++) {
          const at = (slots[order[i]!]! - first) * stride;
          out.set(bytes.subarray(at, at + stride), order[i]! * stride);
        }
      }
    },
    [Symbol.dispose]() {
      void source.close();
    },
  };
}
