/** Rows that are scored again once a search in a graph or in cells has named them: they come from elsewhere, a file for one. */
import { dotI16, dotWide } from "./graph-codes";
import { keyFrom } from "./graph";
import { BIAS, FACTOR, FINE_QUERY, FINE_SCALE, OFFSET } from "./graph-state";

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

/**
 * Scores of rows by their fine codes. A row is dims i8 or i16, f32 scale, f32 -|y|^2 / 2. @param prepared queries, by writePrepared
 * @param each bytes from one to the next @param pairs count x two u32: byte offset of a row from `rows`, number of its query
 * @param dims a multiple of 8, at most width @param wide whether codes are i16, then of a length that keeps sums in i32
 */
export function scoreFineRows(prepared: usize, each: usize, rows: usize, pairs: usize, count: u32, dims: usize, wide: i32, scores: usize): void {
  for (let i: u32 = 0; i < count; i++, pairs += 8, scores += 4) {
    const row = rows + <usize>load<u32>(pairs);
    const query = prepared + <usize>load<u32>(pairs, 4) * each;
    const tail = query + each - 16;
    const code = row + (wide != 0 ? dims << 1 : dims);
    const sum = wide != 0 ? dotI16(query, row, dims) : dotWide(query, row, dims);
    store<f32>(scores, load<f32>(tail, 4) + load<f32>(tail, 8) * keyFrom(sum, code, load<f32>(tail), load<f32>(tail, 12)));
  }
}
