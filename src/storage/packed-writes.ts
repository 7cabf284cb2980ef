/**
 * The writes of a batch as one buffer, which another thread takes over without a copy, beside buffers that its values already lie in.
 * Not a format: both ends are of one build.
 */
import type { Write } from "./batch-log.ts";

const KINDS = ["put", "delete", "deleteRange"] as const;
/** Kind; bytes of the first string and of the second; number of the given buffer that the second lies in, from 1, and where. */
const HEAD_BYTES = 20;
const NOTHING = new Uint8Array(0);

export function packWrites(writes: readonly Write[], given: readonly ArrayBuffer[] = []): ArrayBuffer {
  const strings = writes.map(stringsOf);
  const numbers = new Map<unknown, number>(given.map((buffer, i) => [buffer, i + 1]));
  const size = strings.reduce(
    (sum, [first, second]) =>
      sum + HEAD_BYTES + first.length + (numbers.has(second.buffer) ? 0 : second.length),
    0,
  );
  const bytes = new Uint8Array(Buffer.allocUnsafeSlow(size).buffer as ArrayBuffer);
  const view = new DataView(bytes.buffer);
  let at = 0;
  strings.forEach(([first, second], i) => {
    view.setUint32(at, KINDS.indexOf(writes[i]!.kind));
    view.setUint32(at + 4, first.length);
    view.setUint32(at + 8, second.length);
    const number = numbers.get(second.buffer) ?? 0;
    view.setUint32(at + 12, number);
    view.setUint32(at + 16, second.byteOffset);
    bytes.set(first, at + HEAD_BYTES);
    at += HEAD_BYTES + first.length;
    if (number > 0) return;
    bytes.set(second, at);
    at += second.length;
  });
  return bytes.buffer;
}

/** Keys and values are views of the buffers. */
export function unpackWrites(buffer: ArrayBuffer, given: readonly ArrayBuffer[] = []): Write[] {
  const view = new DataView(buffer);
  const writes: Write[] = [];
  for (let at = 0; at < buffer.byteLength; ) {
    const kind = KINDS[view.getUint32(at)]!;
    const first = new Uint8Array(buffer, at + HEAD_BYTES, view.getUint32(at + 4));
    const place = at + HEAD_BYTES + first.length;
    const number = view.getUint32(at + 12);
    const second =
      number > 0
        ? new Uint8Array(given[number - 1]!, view.getUint32(at + 16), view.getUint32(at + 8))
        : new Uint8Array(buffer, place, view.getUint32(at + 8));
    at = place + (number > 0 ? 0 : second.length);
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
