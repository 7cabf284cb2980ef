/** Where a pattern stands in bytes, by looking at them. Overlapping places count. */
import type { Pattern, Step } from "./pattern.ts";

/** Bytes by which the rarest of a pattern is chosen. */
const SAMPLE_BYTES = 1 << 14;

/** Takes a place; false ends the search. */
export type Visit = (start: number, end: number) => boolean;

/** Shows places that begin before `until`, ascending. @returns false when the visitor ended it */
export function eachPlace(bytes: Uint8Array, { steps }: Pattern, until: number, visit: Visit): boolean {
  return steps.length === 1 && steps[0]!.length === 1
    ? eachOfBytes(bytes, steps[0]![0]!, until, visit)
    : eachOfSteps(bytes, steps, until, visit);
}

function eachOfBytes(bytes: Uint8Array, wanted: Uint8Array, until: number, visit: Visit): boolean {
  const anchor = rarest(bytes, wanted);
  const byte = wanted[anchor]!;
  const last = Math.min(until - 1, bytes.length - wanted.length);
  for (let at = bytes.indexOf(byte, anchor); at >= 0; at = bytes.indexOf(byte, at + 1)) {
    const start = at - anchor;
    if (start > last) break;
    if (standsAt(bytes, start, wanted) && !visit(start, start + wanted.length)) return false;
  }
  return true;
}

/** Place in the pattern of the byte that is rarest in a sample of the bytes. */
function rarest(bytes: Uint8Array, wanted: Uint8Array): number {
  const counts = new Uint32Array(256);
  for (const byte of bytes.subarray(0, SAMPLE_BYTES)) counts[byte]!++;
  let best = 0;
  for (let i = 1; i < wanted.length; i++) if (counts[wanted[i]!]! < counts[wanted[best]!]!) best = i;
  return best;
}

function standsAt(bytes: Uint8Array, start: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[start + i] !== wanted[i]) return false;
  return true;
}

function eachOfSteps(bytes: Uint8Array, steps: readonly Step[], until: number, visit: Visit): boolean {
  const isFirst = new Uint8Array(256);
  for (const one of steps[0]!) isFirst[one[0]!] = 1;
  const last = Math.min(until, bytes.length);
  for (let start = 0; start < last; start++) {
    if (isFirst[bytes[start]!] === 0) continue;
    const end = endOf(bytes, start, steps);
    if (end >= 0 && !visit(start, end)) return false;
  }
  return true;
}

/** Where the steps end that begin at `start`; -1 where they do not stand there. */
function endOf(bytes: Uint8Array, start: number, steps: readonly Step[]): number {
  let at = start;
  for (const step of steps) {
    const found = step.find((one) => standsAt(bytes, at, one));
    if (!found) return -1;
    at += found.length;
  }
  return at;
}
