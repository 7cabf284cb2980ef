/**
 * Terms within some edits of a word, in a front-coded list of terms in byte order (index/text/dictionary.ts): a column of the table of
 * distances in a few operations (Hyyro, A Bit-Vector Algorithm for Computing Levenshtein and Damerau Edit Distances, 2003), the columns of
 * what a term shares with the one before are kept, and terms that begin with what is beyond the limit already are passed over.
 */

/** The room of a search, byte offsets; kernels/near-terms.ts fills it in. */
const PLACES = 0; // u64 [256]: bit i of entry c: byte i of the word is c
const PLUS = 2048; // u64 a column: vertical differences of 1
const MINUS = 2624; // u64 a column: vertical differences of -1
const DIAGONAL = 3200; // u64 a column: diagonal zeros
const DISTANCES = 3776; // u64 a column: edits to the term's first bytes
const WORD = 4352; // u8 [64]
const TERM = 4416; // u8 [TERM_BYTES]: the last term that was not passed over
const NEXT = 4544; // u32 pointer to the next entry
const KNOWN = 4548; // u32 bytes of TERM that the columns are of
const HOPELESS = 4552; // u32 bytes: a term that has so many in common with TERM is not near

/** Bytes of a term that are looked at: a longer one than the word and the limit is never near. */
const TERM_BYTES: u32 = 128;
const NONE: u32 = 0xffffffff;
/** Of what is written of a near term, before its bytes: u32 edits, frequency and length. */
const HEAD: u32 = 12;

/** Where the value read last ends. */
let behind: usize = 0;

/** The rest of a varint whose first byte, `low`, says that there is more. */
function longer(at: usize, low: u32): u32 {
  let value = low & 127;
  let next = at;
  for (let shift: u32 = 7; shift < 35; shift += 7) {
    const byte = <u32>load<u8>(next++);
    value |= (byte & 127) << shift;
    if (byte < 128) break;
  }
  behind = next;
  return value;
}

/** A varint, most often of one byte. */
// @ts-ignore: decorator
@inline
function varint(at: usize): u32 {
  const byte = <u32>load<u8>(at);
  if (byte > 127) return longer(at + 1, byte);
  behind = at + 1;
  return byte;
}

/**
 * Writes what is near, from NEXT on until `end` or until there is no room for another. @param leading bytes of the word that a term has to begin with
 * @returns bytes written
 */
export function nearTerms(room: usize, end: usize, letters: u32, limit: u32, leading: u32, out: usize, bytes: u32): u32 {
  let at = <usize>load<u32>(room, NEXT);
  let known = load<u32>(room, KNOWN);
  let hopeless = load<u32>(room, HOPELESS);
  const most = letters + limit;
  let written: u32 = 0;
  while (at < end && written + HEAD + TERM_BYTES <= bytes) {
    const shared = varint(at);
    const suffix = varint(behind);
    const from = behind;
    // not of such a list: nothing behind it can be read
    if (from >= end || suffix >= <u32>(end - from)) {
      at = end;
      break;
    }
    const frequency = varint(from + suffix);
    varint(behind);
    at = behind;
    if (shared >= hopeless) continue;
    const length = shared + suffix;
    const stop = min(length, TERM_BYTES);
    for (let i = shared; i < stop; i++) store<u8>(room + i, load<u8>(from + (i - shared)), TERM);
    known = min(known, shared);
    hopeless = NONE;
    const different = shared < leading ? differs(room, min(length, leading)) : NONE;
    if (different != NONE) {
      known = 0;
      hopeless = different + 1;
      continue;
    }
    if (length < leading) continue;
    while (known < stop) {
      step(room, known++, letters);
      if (known <= limit || leastOf(room, known, letters, limit) <= limit) continue;
      hopeless = known;
      break;
    }
    if (hopeless != NONE || length > most) continue;
    const edits = <u32>load<u64>(room + (<usize>length << 3), DISTANCES);
    if (edits > limit) continue;
    store<u32>(out + written, edits);
    store<u32>(out + written, frequency, 4);
    store<u32>(out + written, length, 8);
    memory.copy(out + written + HEAD, room + TERM, length);
    written += (HEAD + length + 3) & ~3;
  }
  store<u32>(room, <u32>at, NEXT);
  store<u32>(room, known, KNOWN);
  store<u32>(room, hopeless, HOPELESS);
  return written;
}

/** The first of `count` bytes of the term that is not that of the word; NONE where all are. */
function differs(room: usize, count: u32): u32 {
  for (let i: u32 = 0; i < count; i++) if (load<u8>(room + i, WORD) != load<u8>(room + i, TERM)) return i;
  return NONE;
}

/** The column behind byte `i` of the term. */
// @ts-ignore: decorator
@inline
function step(room: usize, i: u32, letters: u32): void {
  const at = room + (<usize>i << 3);
  const last: u64 = (<u64>1) << <u64>(letters - 1);
  const place = load<u64>(room + (<usize>load<u8>(room + i, TERM) << 3), PLACES);
  const before = i == 0 ? 0 : load<u64>(room + (<usize>load<u8>(room + i - 1, TERM) << 3), PLACES);
  const plus = load<u64>(at, PLUS);
  const minus = load<u64>(at, MINUS);
  const swapped = ((~load<u64>(at, DIAGONAL) & place) << 1) & before;
  const diagonal = (((place & plus) + plus) ^ plus) | place | minus | swapped;
  const up = minus | ~(diagonal | plus);
  const down = diagonal & plus;
  const distance = load<u64>(at, DISTANCES);
  store<u64>(at, distance + <u64>((up & last) != 0) - <u64>((down & last) != 0), DISTANCES + 8);
  const shifted = (up << 1) | 1;
  store<u64>(at, (down << 1) | ~(diagonal | shifted), PLUS + 8);
  store<u64>(at, shifted & diagonal, MINUS + 8);
  store<u64>(at, diagonal, DIAGONAL + 8);
}

/**
 * The least of a column, once it is within the limit. When it is beyond all columns that follow are: no step, not even a swap, passes one
 * by for less. Cells further from the diagonal than the limit are beyond it.
 */
// @ts-ignore: decorator
@inline
function leastOf(room: usize, column: u32, letters: u32, limit: u32): u32 {
  const first = column > limit ? column - limit : 0;
  if (first > letters) return limit + 1;
  const above: u64 = first == 0 ? 0 : <u64>-1 >> <u64>(64 - first);
  const plus = load<u64>(room + (<usize>column << 3), PLUS);
  const minus = load<u64>(room + (<usize>column << 3), MINUS);
  let cell = column + <u32>popcnt<u64>(plus & above) - <u32>popcnt<u64>(minus & above);
  let least = cell;
  const last = min(letters, column + limit);
  for (let i = first; i < last && least > limit; i++) {
    cell += <u32>((plus >> <u64>i) & 1) - <u32>((minus >> <u64>i) & 1);
    least = min(least, cell);
  }
  return least;
}
