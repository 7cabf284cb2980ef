/** Rows that are scored again once a search in a graph or in cells has named them: they come from elsewhere, a file for one. */
import { dotI16, dotWide } from "./graph-codes";
import { keyFrom } from "./graph";
import { BIAS, FACTOR, FINE_QUERY, FINE_SCALE, OFFSET } from "./graph-state";

/** The first prime of xxHash32 (Collet, 2012), as the steps are. */
const FACTOR_OF_SUM: u32 = 2654435761;

/** The query of a scratch as scoreFineRows takes it: width i16, then f32 scale, offset, factor, bias. @returns where the next one goes */
export function writePrepared(scratch: usize, width: usize, prepared: usize): usize {
  memory.copy(prepared, <usize>load<u32>(scratch, FINE_QUERY), width << 1);
  const tail = prepared + (width << 1);
  store<f32>(tail, load<f32>(scratch, FINE_SCALE));
  store<f32>(tail, load<f32>(scratch, OFFSET), 4);
  store<f32>(tail, load<f32>(scratch, FACTOR), 8);
  store<f32>(tail, load<f32>(scratch, BIAS), 12);
  return tail + 16;
}

// @ts-ignore: decorator
@inline
function mixed(hash: u32, word: u32): u32 {
  return rotl<u32>(hash ^ word, 13) * FACTOR_OF_SUM;
}

// @ts-ignore: decorator
@inline
function mixedFour(hash: v128, words: v128): v128 {
  const x = v128.xor(hash, words);
  return i32x4.mul(v128.or(i32x4.shl(x, 13), i32x4.shr_u(x, 19)), i32x4.splat(FACTOR_OF_SUM));
}

/**
 * Checksum of `bytes`, a multiple of 4: every eighth word goes to one of eight lanes, which are then mixed with what words are left. Each step is a
 * bijection of the state and of the word, so that any change within one word is seen, and any other but once in 2^32.
 */
function sumOf(row: usize, bytes: usize): u32 {
  let a = i32x4.splat(FACTOR_OF_SUM), b = a;
  const end = row + bytes;
  for (; row + 32 <= end; row += 32) {
    a = mixedFour(a, v128.load(row));
    b = mixedFour(b, v128.load(row, 16));
  }
  let hash = mixed(mixed(mixed(mixed(0, i32x4.extract_lane(a, 0)), i32x4.extract_lane(a, 1)), i32x4.extract_lane(a, 2)), i32x4.extract_lane(a, 3));
  hash = mixed(mixed(mixed(mixed(hash, i32x4.extract_lane(b, 0)), i32x4.extract_lane(b, 1)), i32x4.extract_lane(b, 2)), i32x4.extract_lane(b, 3));
  for (; row < end; row += 4) hash = mixed(hash, load<u32>(row));
  return hash;
}

/**
 * Scores of rows by their fine codes; NaN for a row that is not what was written. A row is dims i8 or i16, f32 scale, f32 -|y|^2 / 2, u32 checksum of
 * those. @param prepared queries, by writePrepared @param each bytes from one to the next @param pairs count x two u32: byte offset of a row from
 * `rows`, number of its query @param dims a multiple of 8, at most width @param wide whether codes are i16, then of a length that keeps sums in i32
 */
export function scoreFineRows(prepared: usize, each: usize, rows: usize, pairs: usize, count: u32, dims: usize, wide: i32, scores: usize): void {
  const bytes = (wide != 0 ? dims << 1 : dims) + 8;
  for (let i: u32 = 0; i < count; i++, pairs += 8, scores += 4) {
    const row = rows + <usize>load<u32>(pairs);
    if (sumOf(row, bytes) != load<u32>(row + bytes)) {
      store<f32>(scores, NaN);
      continue;
    }
    const query = prepared + <usize>load<u32>(pairs, 4) * each;
    const tail = query + each - 16;
    const sum = wide != 0 ? dotI16(query, row, dims) : dotWide(query, row, dims);
    store<f32>(scores, load<f32>(tail, 4) + load<f32>(tail, 8) * keyFrom(sum, row + bytes - 8, load<f32>(tail), load<f32>(tail, 12)));
  }
}
