/** The writes of a batch as one buffer, which another thread takes over without a copy. Not a format: both ends are of one build. */
import type { Write } from "./batch-log.ts";

const KINDS = ["put", "delete", "deleteRange"] as const;
/** Kind, bytes of the first string, bytes of the second. */
const HEAD_BYTES = 12;
const NOTHING = new Uint8Array(0);

export function packWrites(writes: readonly Write[]): ArrayBuffer {
  const strings = writes.map(stringsOf);
  const size = strings.reduce((sum, [first, second]) => sum + HEAD_BYTES + first.length + second.length, 0);
  const bytes = new Uint8Array(Buffer.allocUnsafeSlow(size).buffer as ArrayBuffer);
  const view = new DataView(bytes.buffer);
  let at = 0;
  strings.forEach(([first, second], i) => {
    view.setUint32(at, KINDS.indexOf(writes[i]!.kind));
    view.setUint32(at + 4, first.length);
    view.setUint32(at + 8, second.length);
    bytes.set(first, at + HEAD_BYTES);
    bytes.set(second, at + HEAD_BYTES + first.length);
    at += HEAD_BYTES + first.length + second.length;
  });
  return bytes.buffer;
}

/** Keys and values are views of `buffer`. */
export function unpackWrites(buffer: ArrayBuffer): Write[] {
  const view = new DataView(buffer);
  const writes: Write[] = [];
  for (let at = 0; at < buffer.byteLength; ) {
    const kind = KINDS[view.getUint32(at)]!;
    const first = new Uint8Array(buffer, at + HEAD_BYTES, view.getUint32(at + 4));
    const second = new Uint8Array(buffer, at + HEAD_BYTES + first.length, view.getUint32(at + 8));
    at += HEAD_BYTES + first.length + second.length;
    if (kind === "put") writes.push({ kind, key: first, value: second });
    else if (kind === "delete") writes.push({ kind, key: first });
    else writes.push({ kind, start: first, end: second });
  }
  return writes;
}

function stringsOf(write: Write): readonly [Uint8Array, Uint8Array] {
  switch (write.kind) {
    case "put":
      return [write.key, write.value];
    case "delete":
      return [write.key, NOTHING];
    case "deleteRange":
      return [write.start, write.end];
    default:
      return write satisfies never;
  }
}
