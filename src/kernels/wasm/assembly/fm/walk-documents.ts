/**
 * Where documents go among the rows of a run: each is walked from its end, with one rank for each byte (Ferragina, Gagie and Manzini, 2012).
 * Their bytes follow each other in memory, so that the run alone is read at random.
 */
import { COLUMNS, END_COUNT, ROWS, rankOf, SUPERS, TABLE, TEXT, touchRank, WIDTH } from "./rank";

// @ts-ignore: decorator
@inline const LANES: usize = 32;
// lanes: u32 places in the documents, rows of the run, bytes of the step
// @ts-ignore: decorator
@inline const ROW: usize = 4 * LANES;
// @ts-ignore: decorator
@inline const BYTE: usize = 8 * LANES;

/** What was read ahead, so that no compiler leaves the reads out. */
let sink: u32 = 0;

/** Documents under way, and how many have been begun. */
let active: usize = 0;
let begun: u32 = 0;

// @ts-ignore: decorator
@inline
function begin(place: usize, run: usize, ends: usize): void {
  store<u32>(place, load<u32>(ends + (<usize>begun << 2)));
  begun++;
  store<u32>(place, load<u32>(run + END_COUNT), ROW);
}

/** Begins the walk of documents whose ends stand at `ends`, the long ones first: then no lane is left alone for long. @param lanes 3 x 32 u32 */
export function beginDocuments(run: usize, ends: usize, documents: u32, lanes: usize): void {
  begun = 0;
  for (active = 0; active < LANES && begun < documents; active++) begin(lanes + (active << 2), run, ends);
}

/** The next byte of every lane; another document, if there is one, takes the place of one that is through. */
// @ts-ignore: decorator
@inline
function step(run: usize, text: usize, ends: usize, documents: u32, lanes: usize): void {
  for (let lane: usize = 0; lane < active; ) {
    const place = lanes + (lane << 2);
    const at = load<u32>(place) - 1;
    const c = <u32>load<u8>(text + at);
    if (c != 0) {
      store<u32>(place, at);
      store<u32>(place, c, BYTE);
      lane++;
    } else if (begun < documents) begin(place, run, ends);
    else {
      active--;
      store<u32>(place, load<u32>(lanes + (active << 2)));
      store<u32>(place, load<u32>(lanes + (active << 2), ROW), ROW);
    }
  }
}

/**
 * Goes on with the walk for so many rounds: writes to `places` (u32 by byte of the documents) the rows of the run before those that begin
 * with that byte and what follows it, and counts them by 2^shift rows in `histogram`. Lanes go side by side, in short loops: what each
 * step waits for is read for all of them before it is used.
 * @param text documents backwards, none of them with a zero byte, a zero behind each and before the first. @returns documents under way
 */
export function walkDocuments(
  run: usize,
  text: usize,
  ends: usize,
  documents: u32,
  places: usize,
  histogram: usize,
  shift: u32,
  lanes: usize,
  rounds: u32,
): usize {
  const rowText = <usize>load<u32>(run + TEXT);
  const rows = load<u32>(run + ROWS);
  const table = <usize>load<u32>(run + TABLE);
  const supers = <usize>load<u32>(run + SUPERS);
  const columns = <usize>load<u32>(run + COLUMNS);
  const width = load<u32>(run + WIDTH);
  let ahead: u32 = 0;
  for (; active > 0 && rounds > 0; rounds--) {
    step(run, text, ends, documents, lanes);
    const last = lanes + (active << 2);
    for (let lane = lanes; lane < last; lane += 4)
      ahead += touchRank(rowText, table, supers, columns, width, load<u32>(lane, BYTE), load<u32>(lane, ROW));
    for (let lane = lanes; lane < last; lane += 4) {
      const row = rankOf(run, rowText, table, supers, columns, width, rows, load<u32>(lane, BYTE), load<u32>(lane, ROW));
      store<u32>(lane, row, ROW);
      store<u32>(places + (<usize>load<u32>(lane) << 2), row);
      const slot = histogram + (<usize>(row >> shift) << 2);
      store<u32>(slot, load<u32>(slot) + 1);
    }
  }
  sink = ahead;
  return active;
}
