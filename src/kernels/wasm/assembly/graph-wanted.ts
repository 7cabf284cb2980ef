/** Rows that a search in a graph may return, and how a walk among them alone goes on. */
import { hasBit, NONE, setBit } from "./graph-state";

/** Of the links of a row, sixteenths: rows that a walk among wanted ones goes on to, and links whose own links it looks at for them. */
const ENOUGH: u32 = 5;
const LISTS: u32 = 5;

/** What a walk may return. */
// @ts-ignore: decorator
@inline
export function isWanted(row: u32, deleted: usize, allowed: usize, allowedRows: u32, ids: usize): bool {
  if (deleted != 0 && hasBit(deleted, row) != 0) return false;
  if (allowed == 0) return true;
  const id = ids == 0 ? row : load<u32>(ids + (<usize>row << 2));
  return id < allowedRows && hasBit(allowed, id) != 0;
}

/** The same as 0 or 1, without a branch: it cannot be foretold. */
// @ts-ignore: decorator
@inline
export function wantedBit(row: u32, deleted: usize, allowed: usize, allowedRows: u32, ids: usize): u32 {
  const id = ids == 0 ? row : load<u32>(ids + (<usize>row << 2));
  const known = id < allowedRows;
  const wanted = allowed == 0 ? <u32>(id != NONE) : hasBit(allowed, known ? id : 0) & <u32>known;
  return deleted == 0 ? wanted : wanted & ~hasBit(deleted, row);
}

/** 1 if a row may be returned and was not seen, which it is from now on. */
// @ts-ignore: decorator
@inline
function takeWanted(row: u32, seen: usize, deleted: usize, allowed: usize, allowedRows: u32, ids: usize): u32 {
  const at = seen + (<usize>(row >> 5) << 2);
  const word = load<u32>(at);
  const wanted = wantedBit(row, deleted, allowed, allowedRows, ids) & ~(word >> (row & 31));
  store<u32>(at, word | (wanted << (row & 31)));
  return wanted;
}

/**
 * Rows that a walk among the wanted ones goes on to: those linked to, and while they are few, those that the others link to (ACORN: Patel et al.,
 * SIGMOD 2024). @param fresh takes them. @returns how many, at most `slots` + `degree`
 */
export function wantedBeyond(links: usize, degree: u32, from: usize, slots: u32, seen: usize, fresh: usize, deleted: usize, allowed: usize, allowedRows: u32, ids: usize): u32 {
  let count: u32 = 0;
  for (let i: u32 = 0; i < slots; i++) {
    const row = load<u32>(from + (<usize>i << 2));
    if (row == NONE) break;
    store<u32>(fresh + (<usize>count << 2), row);
    count += takeWanted(row, seen, deleted, allowed, allowedRows, ids);
  }
  // about as many as a walk over all rows has not met before
  const enough = (slots * ENOUGH) >> 4;
  // where all around has been seen, looking on is in vain
  let lists = (slots * LISTS) >> 4;
  for (let i: u32 = 0; i < slots && count < enough && lists > 0; i++) {
    const row = load<u32>(from + (<usize>i << 2));
    if (row == NONE) break;
    if (hasBit(seen, row) != 0) continue;
    setBit(seen, row);
    lists--;
    const further = links + <usize>row * (<usize>degree << 2);
    for (let j: u32 = 0; j < degree; j++) {
      const other = load<u32>(further + (<usize>j << 2));
      if (other == NONE) break;
      store<u32>(fresh + (<usize>count << 2), other);
      count += takeWanted(other, seen, deleted, allowed, allowedRows, ids);
    }
  }
  return count;
}
