/** What the last run over each folder left out, and why: kept with the library, so that it can be asked for later. */
import type { Skipped } from "./types.ts";

/** Entries kept by name; the rest are counted. */
const MOST_NAMED = 500;

export interface SkippedIn {
  /** How ids of the folder begin. */
  readonly folder: string;
  /** When it was indexed, milliseconds since 1970. */
  readonly at: number;
  readonly count: number;
  /** By code. */
  readonly codes: Readonly<Record<string, number>>;
  /** The first ones, at most 500. */
  readonly named: readonly Skipped[];
}

/** By folder, in the order in which they were first indexed. */
export type SkipLog = readonly SkippedIn[];

/** The log after a run; a folder of which nothing was skipped leaves it. */
export function withRun(log: SkipLog, folder: string, at: number, skipped: readonly Skipped[]): SkipLog {
  const codes: Record<string, number> = {};
  for (const { code } of skipped) codes[code] = (codes[code] ?? 0) + 1;
  const run = { folder, at, count: skipped.length, codes, named: skipped.slice(0, MOST_NAMED) };
  const others = log.filter((one) => one.folder !== folder);
  return skipped.length > 0 ? [...others, run] : others;
}
