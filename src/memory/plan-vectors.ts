/** What the planner is asked for a library: what its other structures leave of the budget, by the manifest alone, and the rows of its segments. */
import { MnemeError } from "../errors.ts";
import { INDEX_PREFIX } from "../index/vector/kinds.ts";
import { planVectors, type VectorPlan, type VectorWish } from "../index/vector/plan.ts";
import { rowBytes } from "../index/vector/vectors-kind.ts";
import type { Manifest } from "./layout.ts";
import { codersOf, vectorsPrefix } from "./spaces.ts";
import { READ_ON_DEMAND } from "./stored-segment.ts";

/** Of the budget, kept for pages of text, postings and fine codes, and for the tail. */
const PAGES_SHARE = 0.25;
/** Metadata is kept as it is stored and once more to be looked up. */
const COLUMNS_AGAIN = 1;
/** Two bits for each row, alive and dead, and what rounding adds. */
const ROWS_PER_BYTE = 4;
const SLACK_BYTES = 4096;

export interface Room {
  /** Bytes of the budget. */
  readonly limitBytes: number;
  /** Bytes of it that are not the segments': the embedder, what is about to be added. */
  readonly besideBytes: number;
}

/** RAM of a segment beside its vectors, once it is open: the parts that are read whole. */
export function segmentRam(sizes: Readonly<Record<string, number>>, rows: number): number {
  let bytes = SLACK_BYTES + Math.ceil(rows / ROWS_PER_BYTE);
  for (const [part, size] of Object.entries(sizes)) {
    if (READ_ON_DEMAND.test(part) || part.startsWith("vectors")) continue;
    bytes += part.startsWith("columns/") ? (1 + COLUMNS_AGAIN) * size : size;
  }
  return bytes;
}

/** @throws MnemeError ARGUMENT for an unknown wish */
export function planSpace(manifest: Manifest, spaceId: number, room: Room, wish: VectorWish): VectorPlan {
  const entry = manifest.spaces.find(({ id }) => id === spaceId)!;
  const coders = codersOf(entry);
  const left =
    room.limitBytes * (1 - PAGES_SHARE) - room.besideBytes - othersRam(manifest) - coders.coarse.bytes;
  return planVectors({
    segments: manifest.segments.map(({ count }) => count),
    dim: coders.fine.dim,
    coarseBytes: rowBytes(coders.coarse),
    budgetBytes: Math.max(0, Math.floor(left)),
    wish,
  });
}

/** @throws MnemeError BUDGET where the planned kind would leave nothing for anything else: names the budget that would do */
export function checkRoom(plan: VectorPlan, manifest: Manifest, room: Room, wish: VectorWish): void {
  const least = room.besideBytes + othersRam(manifest) + plan.bytes;
  if (plan.fits || least <= room.limitBytes) return;
  const smaller = plan.alternatives.filter(({ bytes }) => bytes < plan.bytes);
  const other = smaller.length > 0 ? `, or ask for ${smaller.map(({ kind }) => kind).join(" or ")}` : "";
  const what =
    wish === "auto" ? `its smallest index (${plan.kind})` : `the ${plan.kind} index that was asked for`;
  throw new MnemeError(
    "BUDGET",
    `open: ${what} needs ${plan.bytes} bytes and the library ${least} in all, the budget is ${room.limitBytes}; open with a budget of ${Math.ceil(least / (1 - PAGES_SHARE))}${other}`,
    { details: { name: "vectors", bytes: least, limit: room.limitBytes } },
  );
}

function othersRam({ segments }: Manifest): number {
  return segments.reduce((sum, { parts, count }) => sum + segmentRam(parts, count), 0);
}

/** Names of the parts that a kind has beside the flat ones, of any space. */
export function isIndexPart(part: string): boolean {
  const [, name] = /^vectors\d+\/(.*)$/.exec(part) ?? [];
  return name !== undefined && Object.values(INDEX_PREFIX).some((prefix) => name.startsWith(prefix));
}

/** Whether a segment has parts for a space that begin so. */
export function holdsIndex(
  parts: Readonly<Record<string, number>>,
  spaceId: number,
  prefix: string,
): boolean {
  const whole = vectorsPrefix(spaceId) + prefix;
  return Object.keys(parts).some((part) => part.startsWith(whole));
}
