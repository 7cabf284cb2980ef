/**
 * Where the rows of a run b go among those of a run a: every document of b is walked from its end, with one rank in a for each byte (Sirén,
 * 2009, for the walk; Ferragina, Gagie and Manzini, 2012, for one rank a byte). Steps in b are looked up: they are all taken, so they are
 * written down first, 2 bytes each. Ends of documents are ordered by document, so that runs are sets of strings (Bauer, Cox and Rosone, 2011).
 */
import { COLUMNS, END_COUNT, ROWS, rankOf, SUPERS, TABLE, TEXT, touchRank, WIDTH } from "./rank";
import { setBit } from "./run";

/**
 * Writes down the step from each row of a run: `links` u16 by row, from the start of its 32,768 rows, 65,535 at ends; `bases` u32
 * [row / 32768][byte]: the row that the first of that byte leads to. @param starts as of a run
 */
export function linkRows(text: usize, rows: u32, ends: usize, endCount: u32, starts: usize, links: usize, bases: usize, counts: usize): void {
  memory.copy(counts, starts, 1024);
  let end: u32 = 0;
  for (let first: u32 = 0; first < rows; first += 0x8000, bases += 1024) {
    memory.copy(bases, counts, 1024);
    const last = min(rows, first + 0x8000);
    for (let row = first; row < last; ) {
      const next = end < endCount ? load<u32>(ends + (end << 2)) : last;
      for (const stop = min(next, last); row < stop; row++) {
        const c = <usize>load<u8>(text + row) << 2;
        const to = load<u32>(counts + c);
        store<u32>(counts + c, to + 1);
        store<u16>(links + (<usize>row << 1), <u16>(to - load<u32>(bases + c)));
      }
      if (row < last) {
        store<u16>(links + (<usize>row << 1), 0xffff);
        row++;
        end++;
      }
    }
  }
}

// @ts-ignore: decorator
@inline const LANES: usize = 16;
// lanes: u32 rows of b, rows of a, bytes of the step, places to set
// @ts-ignore: decorator
@inline const ROW_A: usize = 4 * LANES;
// @ts-ignore: decorator
@inline const BYTE: usize = 8 * LANES;
// @ts-ignore: decorator
@inline const PLACE: usize = 12 * LANES;

/** What was read ahead, so that no compiler leaves the reads out. */
let sink: u32 = 0;

/** Documents that are walked, and how many have been begun. */
let active: usize = 0;
let begun: u32 = 0;

/**
 * Begins the walk of run b: sets in zeroed `bits` the places of its first rows. @param lanes 4 x 16 u32
 */
export function beginWalk(a: usize, documents: u32, bits: usize, lanes: usize): void {
  const row = load<u32>(a + END_COUNT);
  for (let d: u32 = 0; d < documents; d++) setBit(bits, row + d);
  active = 0;
  for (begun = 0; active < LANES && begun < documents; active++, begun++) {
    store<u32>(lanes + (active << 2), begun);
    store<u32>(lanes + (active << 2), row, ROW_A);
  }
}

/** One step in b of every lane; another document, if there is one, takes the place of one that ends. */
function stepLanes(lanes: usize, text: usize, links: usize, bases: usize, documents: u32, first: u32): void {
  for (let lane: usize = 0; lane < active; ) {
    const place = lanes + (lane << 2);
    const i = load<u32>(place);
    const link = <u32>load<u16>(links + (<usize>i << 1));
    if (link == 0xffff) {
      if (begun < documents) {
        store<u32>(place, begun++);
        store<u32>(place, first, ROW_A);
      } else {
        active--;
        store<u32>(place, load<u32>(lanes + (active << 2)));
        store<u32>(place, load<u32>(lanes + (active << 2), ROW_A), ROW_A);
      }
      continue;
    }
    const c = <u32>load<u8>(text + i);
    store<u32>(place, load<u32>(bases + (<usize>(i >> 15) << 10) + (<usize>c << 2)) + link);
    store<u32>(place, c, BYTE);
    lane++;
  }
}

/**
 * Goes on with the walk for so many rounds: sets in `bits` the places that rows of b take among those of both runs, documents of a first. Several documents are walked side
 * by side, in short loops: what each step waits for is read for all of them before it is used.
 * @returns documents under way: 0 when all are walked
 */
export function markMerged(a: usize, text: usize, links: usize, bases: usize, documents: u32, bits: usize, lanes: usize, rounds: u32): usize {
  const first = load<u32>(a + END_COUNT);
  const textA = <usize>load<u32>(a + TEXT);
  const rows = load<u32>(a + ROWS);
  const table = <usize>load<u32>(a + TABLE);
  const supers = <usize>load<u32>(a + SUPERS);
  const columns = <usize>load<u32>(a + COLUMNS);
  const width = load<u32>(a + WIDTH);
  let ahead: u32 = 0;
  for (; active > 0 && rounds > 0; rounds--) {
    for (let lane: usize = 0; lane < active << 2; lane += 4) {
      const i = <usize>load<u32>(lanes + lane);
      ahead += <u32>load<u8>(text + i) + <u32>load<u16>(links + (i << 1));
    }
    stepLanes(lanes, text, links, bases, documents, first);
    const last = lanes + (active << 2);
    for (let lane = lanes; lane < last; lane += 4) {
      const row = load<u32>(lane, ROW_A);
      ahead += touchRank(textA, table, supers, columns, width, load<u32>(lane, BYTE), row);
    }
    for (let lane = lanes; lane < last; lane += 4) {
      const row = load<u32>(lane, ROW_A);
      const among = rankOf(a, textA, table, supers, columns, width, rows, load<u32>(lane, BYTE), row);
      store<u32>(lane, among, ROW_A);
      store<u32>(lane, load<u32>(lane) + among, PLACE);
    }
    for (let lane = lanes; lane < last; lane += 4) setBit(bits, load<u32>(lane, PLACE));
  }
  sink = ahead;
  return active;
}
