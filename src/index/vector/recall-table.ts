/**
 * What a search's effort buys, measured on a sample when the index was built: for each effort tried the share of the best 10 and of the
 * best 100 that it found. Between and beyond those two numbers of hits effort grows by a power of the number.
 */
import { MnemeError } from "../../errors.ts";

/** A sample is not what will be asked: of what may be missed, a quarter is kept back. */
const MARGIN = 1 / 4;

export interface RecallTable {
  /** Ascending. */
  readonly efforts: readonly number[];
  /** Of each effort. */
  readonly at10: readonly number[];
  readonly at100: readonly number[];
}

/** The least effort that finds the wanted share of the best k on the sample, and a margin; undefined when none does. */
export function effortFor(
  { efforts, at10, at100 }: RecallTable,
  k: number,
  wish: number,
): number | undefined {
  const few = reachedBy(efforts, at10, wish);
  if (few === undefined || k <= 10) return few;
  const many = reachedBy(efforts, at100, wish);
  // beyond what was measured effort grows as fast as the hits
  if (many === undefined) return k > 100 ? undefined : Math.ceil(few * (k / 10));
  return Math.round(few * (k / 10) ** Math.log10(Math.max(1, many / few)));
}

/** The least effort that found the wanted share on the sample, and a margin. */
export function reachedBy(
  efforts: readonly number[],
  shares: readonly number[],
  wish: number,
): number | undefined {
  return efforts[shares.findIndex((share) => share >= wish + MARGIN * (1 - wish))];
}

/** Share of the best k that this effort found: of 10 for k up to 10, of 100 from 100 on, between them in between. */
export function recallAt({ efforts, at10, at100 }: RecallTable, k: number, effort: number): number {
  let place = efforts.findLastIndex((tried) => tried <= effort);
  place = Math.max(0, place);
  const share = Math.min(1, Math.max(0, Math.log10(k) - 1));
  return at10[place]! * (1 - share) + at100[place]! * share;
}

export const encodeTable = (table: RecallTable): Uint8Array =>
  new TextEncoder().encode(JSON.stringify(table));

/** @throws MnemeError CORRUPT */
export function decodeTable(bytes: Uint8Array, part: string): RecallTable {
  try {
    const table = JSON.parse(new TextDecoder().decode(bytes)) as RecallTable;
    const lists = [table.efforts, table.at10, table.at100];
    const count = table.efforts.length;
    if (count > 0 && lists.every((list) => list.length === count && list.every(Number.isFinite)))
      return table;
  } catch {
    // no table: said below
  }
  throw new MnemeError("CORRUPT", `vectors: part ${part} is no table of recall; build the index anew`);
}
