/** Two runs become one in place, by the places that markMerged (run.ts) has found for the rows of the second. */
import { hasBit } from "./run";

/** Bytes of rows of b go between those of a, in place from the end: a has room for both. */
export function mergeText(a: usize, rowsA: u32, b: usize, rowsB: u32, bits: usize): void {
  let ia = a + rowsA;
  let ib = b + rowsB;
  let to = a + rowsA + rowsB;
  for (let m = rowsA + rowsB; m > 0 && ib > b; ) {
    if ((m & 7) == 0 && load<u8>(bits + (m >> 3) - 1) == 0) {
      m -= 8;
      to -= 8;
      ia -= 8;
      store<u64>(to, load<u64>(ia));
      continue;
    }
    m--;
    const fromB = hasBit(bits, m);
    ib -= <usize>fromB;
    ia -= <usize>!fromB;
    store<u8>(--to, load<u8>(fromB ? ib : ia));
  }
}

/** Marks and samples likewise. Marks of a are zero beyond its rows. @param slots of a, which samples of b follow */
export function mergeSamples(
  marksA: usize,
  rowsA: u32,
  samplesA: usize,
  countA: u32,
  marksB: usize,
  rowsB: u32,
  samplesB: usize,
  countB: u32,
  bits: usize,
  slots: u32,
): void {
  let ia = rowsA;
  let ib = rowsB;
  let to = samplesA + (<usize>(countA + countB) << 2);
  let sa = samplesA + (<usize>countA << 2);
  let sb = samplesB + (<usize>countB << 2);
  for (let m = rowsA + rowsB; m > 0 && ib > 0; ) {
    m--;
    let mark: bool;
    if (hasBit(bits, m)) {
      mark = hasBit(marksB, --ib);
      if (mark) {
        sb -= 4;
        to -= 4;
        store<u32>(to, load<u32>(sb) + slots);
      }
    } else {
      mark = hasBit(marksA, --ia);
      if (mark) {
        sa -= 4;
        to -= 4;
        store<u32>(to, load<u32>(sa));
      }
    }
    const address = marksA + (m >> 3);
    const byte = <u32>load<u8>(address) & ~(1 << (m & 7));
    store<u8>(address, <u8>(byte | (<u32>mark << (m & 7))));
  }
}

/** Rows of ends: each moves by the rows of the other run before it. `prefix` as of countMarks over `bits`. */
export function mergeEnds(
  endsA: usize,
  documentsA: usize,
  countA: u32,
  endsB: usize,
  documentsB: usize,
  countB: u32,
  bits: usize,
  rows: u32,
): void {
  let a = countA;
  let b = countB;
  let ia: u32 = 0;
  let ib: u32 = 0;
  for (let i: u32 = 0; i < rows; i += 64) {
    const some = min<u32>(64, rows - i);
    const ones = <u32>popcnt<u64>(load<u64>(bits + (i >> 3)));
    ib += ones;
    ia += some - ones;
  }
  let to = countA + countB;
  // from the end, 64 rows at a time; steps with no end in them are passed whole
  for (let i = (rows - 1) & ~63; b > 0 || a > 0; i -= 64) {
    const some = min<u32>(64, rows - i);
    const word = load<u64>(bits + (i >> 3));
    const ones = <u32>popcnt<u64>(word);
    const noneA = a == 0 || load<u32>(endsA + ((a - 1) << 2)) < ia - (some - ones);
    const noneB = b == 0 || load<u32>(endsB + ((b - 1) << 2)) < ib - ones;
    if (noneA && noneB) {
      ia -= some - ones;
      ib -= ones;
    } else {
      for (let m = some; m > 0; ) {
        m--;
        if ((word >> m) & 1) {
          ib--;
          if (b > 0 && load<u32>(endsB + ((b - 1) << 2)) == ib) {
            b--;
            to--;
            store<u32>(endsA + (to << 2), i + m);
            store<u32>(documentsA + (to << 2), load<u32>(documentsB + (b << 2)) + countA);
          }
        } else {
          ia--;
          if (a > 0 && load<u32>(endsA + ((a - 1) << 2)) == ia) {
            a--;
            to--;
            const document = load<u32>(documentsA + (a << 2));
            store<u32>(endsA + (to << 2), i + m);
            store<u32>(documentsA + (to << 2), document);
          }
        }
      }
    }
    if (i == 0) break;
  }
}
