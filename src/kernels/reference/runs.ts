/** The scanners of texts in plain TypeScript. */
import type { KernelFace } from "../face.ts";

/** As in the kernel: a kind in the low bits, the flag of a pair above. */
const KIND = 15;
const ASTRAL = 16;
const MAX_RUN = 15;
const ENTRY = 0xfffff;
const END = 0xffff_ffff;
/** Field of `place`. */
const COUNT = 6;

export const runs: Pick<KernelFace, "foldAscii" | "classify" | "scanRuns"> = {
  foldAscii(units, count) {
    let any = 0;
    for (let i = 0; i < count; i++) {
      any |= units[i]!;
      if (units[i]! >= 0x41 && units[i]! <= 0x5a) units[i]! += 0x20;
    }
    return any;
  },
  classify(units, count, table, kinds) {
    let most = 0;
    for (let i = 0; i < count; i++) {
      kinds[i] = table[units[i]!]!;
      most = Math.max(most, kinds[i]!);
    }
    kinds.fill(255, count, count + 16);
    return most;
  },
  scanRuns(split, { units, kinds, out, slots, keys, place }, before) {
    const next = split === "words" ? nextWord : nextPiece;
    const count = place[COUNT]!;
    let found = before;
    for (let run = next(units, kinds, count, place[1]!); run; run = next(units, kinds, count, run.end)) {
      const { start, end } = run;
      const isShort = run.kept && end - start <= MAX_RUN;
      const key = isShort ? keyOf(units, start, end) : new Uint16Array(0);
      const hash = hashOf(key);
      const entry = isShort ? find(key, hash, slots, keys) : -1;
      if (entry < 0) {
        place.set([start, end, isShort ? hash : 0, isShort ? 1 : 0]);
        return found;
      }
      out[found++] = entry;
    }
    place.set([END, count, 0, 0]);
    return found;
  },
};

interface Run {
  readonly start: number;
  readonly end: number;
  readonly kept: boolean;
}

function nextWord(_: Uint16Array, kinds: Uint8Array, count: number, from: number): Run | undefined {
  // an apostrophe joins only before a letter of the basic plane, which is spelled in capitals here
  const text = Array.from(
    kinds.subarray(from, count),
    (kind) => (kind & ASTRAL ? "-wu-" : "-WU'")[kind & KIND],
  ).join("");
  const match = /[Ww]+(?:'(?=W)[Ww]+)*|[Uu]+/.exec(text);
  if (!match) return undefined;
  const start = from + match.index;
  return { start, end: start + match[0].length, kept: /w/i.test(match[0]) };
}

function nextPiece(units: Uint16Array, kinds: Uint8Array, count: number, from: number): Run | undefined {
  if (from >= count) return undefined;
  const quoted = String.fromCharCode(...units.subarray(from, from + 3)).slice(0, count - from);
  const contraction = /^'(?:[sdmt]|ll|ve|re)/.exec(quoted);
  if (contraction) return { start: from, end: from + contraction[0].length, kept: true };
  const body = units[from] === 0x20 && from + 1 < count ? from + 1 : from;
  const kind = kinds[body]! & KIND;
  let end = kind === 3 ? from : body;
  let digits = 0;
  for (; end < count && (kinds[end]! & KIND) === kind; end++) {
    if (kind === 2 && !(kinds[end]! & ASTRAL) && digits++ === 4) break;
  }
  return { start: from, end, kept: true };
}

function hashOf(key: Uint16Array): number {
  let hash = 0x811c9dc5;
  for (const unit of key) hash = Math.imul(hash ^ unit, 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}

/** A run as the table keeps it: 15 units, zeros behind, the length. */
function keyOf(units: Uint16Array, start: number, end: number): Uint16Array {
  const key = new Uint16Array(MAX_RUN + 1);
  key.set(units.subarray(start, end));
  key[MAX_RUN] = end - start;
  return key;
}

function find(key: Uint16Array, hash: number, slots: Uint32Array, keys: Uint16Array): number {
  const mask = slots.length - 1;
  for (let slot = (hash & mask) >>> 0; slots[slot] !== 0; slot = (slot + 1) & mask) {
    const entry = (slots[slot]! & ENTRY) - 1;
    if (keys.subarray(entry * 16, entry * 16 + 16).join() === key.join()) return entry;
  }
  return -1;
}
