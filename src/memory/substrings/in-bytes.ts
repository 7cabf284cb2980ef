/** A place of an item that is no text, as a reader is told it: a character stands for a byte, and offsets in both are the same. */
import type { Occurrence } from "../quote-and-tag.ts";
import type { ItemHead } from "../types.ts";

const [FIRST_PRINTABLE, LAST_PRINTABLE] = [0x20, 0x7e];

/** @param bytes those around the place, from byte `from` of the item on */
export function placeInBytes(
  { id, title }: ItemHead,
  bytes: Uint8Array,
  from: number,
  startByte: number,
  endByte: number,
  line: number,
): Occurrence {
  const place = bytes.subarray(startByte - from, endByte - from);
  return {
    id,
    title,
    start: startByte,
    end: endByte,
    startByte,
    endByte,
    line,
    text: Array.from(place, (byte) => String.fromCharCode(byte)).join(""),
    snippet: printable(bytes),
    highlight: [startByte - from, endByte - from],
  };
}

function printable(bytes: Uint8Array): string {
  const isShown = (byte: number): boolean => byte >= FIRST_PRINTABLE && byte <= LAST_PRINTABLE;
  return Array.from(bytes, (byte) => (isShown(byte) ? String.fromCharCode(byte) : ".")).join("");
}
