/** Sets of Unicode code points as ascending ranges, and their spelling as bytes of UTF-8. */

/** First and last code point, both within. */
export type Range = readonly [number, number];

/** All that text may hold: surrogates are halves of UTF-16, no characters. */
export const ALL_CHARACTERS: readonly Range[] = [
  [0, 0xd7ff],
  [0xe000, 0x10ffff],
];

/** Ascending, apart from each other, without surrogates. */
export function rangesOf(ranges: readonly Range[]): readonly Range[] {
  return complement(complement(ranges));
}

/** Ranges, and the single characters of texts. */
export function charactersOf(...members: readonly (Range | string)[]): readonly Range[] {
  return rangesOf(
    members.flatMap((member): Range[] =>
      typeof member === "string"
        ? Array.from(member, (char): Range => [char.codePointAt(0)!, char.codePointAt(0)!])
        : [member],
    ),
  );
}

/** The characters that no range holds. */
export function complement(ranges: readonly Range[]): readonly Range[] {
  const out: Range[] = [];
  const sorted = [...ranges, [0xd800, 0xdfff] as const].sort((a, b) => a[0] - b[0]);
  let from = 0;
  for (const [first, last] of sorted) {
    if (first > from) out.push([from, first - 1]);
    from = Math.max(from, last + 1);
  }
  if (from <= 0x10ffff) out.push([from, 0x10ffff]);
  return out;
}

/** The characters of `a` that `b` holds too. */
export function intersection(a: readonly Range[], b: readonly Range[]): readonly Range[] {
  return complement([...complement(a), ...complement(b)]);
}

/** For each byte whether it is in: 256 bits. */
export type ByteSet = Uint32Array;

export function byteSet(ranges: readonly Range[]): ByteSet {
  const set = new Uint32Array(8);
  for (const [first, last] of ranges) for (let byte = first; byte <= last; byte++) addByte(set, byte);
  return set;
}

export function hasByte(set: ByteSet, byte: number): boolean {
  return ((set[byte >> 5]! >>> (byte & 31)) & 1) === 1;
}

export function addByte(set: ByteSet, byte: number): void {
  set[byte >> 5]! |= 1 << (byte & 31);
}

/** Last code points of one, two, three and four bytes. */
const LENGTH_ENDS = [0x7f, 0x7ff, 0xffff, 0x10ffff];

/** The spellings of the characters: each a byte set for every byte, together all characters of the ranges and no other. */
export function utf8Spellings(ranges: readonly Range[]): ByteSet[][] {
  const ascii = byteSet([]);
  const spellings = new Map<string, ByteSet[]>();
  for (const range of rangesOf(ranges))
    for (const part of splitByLength(range)) {
      if (part[1] <= 0x7f) for (let byte = part[0]; byte <= part[1]; byte++) addByte(ascii, byte);
      else for (const bytes of byteRanges(part)) join(spellings, bytes);
    }
  return ascii.some((word) => word !== 0) ? [[ascii], ...spellings.values()] : [...spellings.values()];
}

function splitByLength([first, last]: Range): Range[] {
  return LENGTH_ENDS.map((end, i): Range => {
    const start = i === 0 ? 0 : LENGTH_ENDS[i - 1]! + 1;
    return [Math.max(first, start), Math.min(last, end)];
  }).filter(([a, b]) => a <= b);
}

/** Sequences of byte ranges for characters of one length. A range is cut until its bytes vary independently. */
function byteRanges([first, last]: Range): Range[][] {
  for (let bits = 6; bits <= 18; bits += 6) {
    const tail = 2 ** bits - 1;
    if (first >> bits === last >> bits) continue;
    if ((first & tail) !== 0)
      return [...byteRanges([first, first | tail]), ...byteRanges([(first | tail) + 1, last])];
    if ((last & tail) !== tail) {
      const cut = last - (last & tail);
      return [...byteRanges([first, cut - 1]), ...byteRanges([cut, last])];
    }
  }
  const [a, b] = [utf8Of(first), utf8Of(last)];
  return [a.map((byte, i): Range => [byte, b[i]!])];
}

/** Spellings that differ in the first byte alone become one. */
function join(spellings: Map<string, ByteSet[]>, [first, ...rest]: Range[]): void {
  const key = rest.join(";");
  const known = spellings.get(key);
  if (!known) spellings.set(key, [byteSet([first!]), ...rest.map((range) => byteSet([range]))]);
  else for (let byte = first![0]; byte <= first![1]; byte++) addByte(known[0]!, byte);
}

const encoder = new TextEncoder();

function utf8Of(codePoint: number): number[] {
  return [...encoder.encode(String.fromCodePoint(codePoint))];
}
