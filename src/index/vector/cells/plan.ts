/** How a filtered search is done: more cells as fewer rows match, or a scan of those where that is cheaper. */
import { ROOM } from "./options.ts";

/** What a row of a scan costs, its block and its lookup, against a row of a cell. */
const SCANNED_COST = 16;
/** Where a share of the rows match, the wanted ones lie in that many more cells, to this power: the nearer of them do not move away. */
const POWER = 0.5;

/** @param matching rows that the filter lets through; undefined: all. @returns cells to look into, or undefined: scan the matching rows */
export function planProbes(
  probes: number,
  cells: number,
  rows: number,
  matching: number | undefined,
): number | undefined {
  const most = Math.min(cells, ROOM);
  if (matching === undefined || matching >= rows) return Math.min(most, probes);
  if (matching === 0) return undefined;
  const wanted = Math.ceil(probes * (rows / matching) ** POWER);
  const scanned = (wanted * rows) / cells;
  return matching * SCANNED_COST <= scanned || wanted > ROOM ? undefined : Math.min(most, wanted);
}
