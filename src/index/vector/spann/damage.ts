/**
 * What can be opened of an index whose heads, directory or set of live rows are damaged. Codes that follow from others are worked out again; lists
 * whose centres are gone, and rows of which it is not known whether they were deleted, are found by no search until the index is repaired.
 */
import { MnemeError } from "../../../errors.ts";
import { PAGE_BYTES, readPages } from "../../../storage/pages.ts";
import type { Key, ReadableStore } from "../../../storage/store.ts";
import { type About, readMeanCopy, type StoredHeads } from "./about.ts";
import { BLOCK_ROWS } from "./coarse-codes.ts";
import { headCoder } from "./heads.ts";
import type { ListCoder } from "./list-codes.ts";
import { LiveRows, liveBytes } from "./live-rows.ts";
import { isDamage, NAMESPACE, type Postings } from "./postings.ts";

export interface Damage {
  /** Pages that cannot be read: "heads/fine page 3". */
  readonly pages: readonly string[];
  /** Lists whose centres are lost. */
  readonly lists: readonly number[];
  /** Rows [from, to) of which it is not known whether they were deleted. */
  readonly rows: readonly (readonly [from: number, to: number])[];
}

export const noDamage: Damage = { pages: [], lists: [], rows: [] };

export interface Left {
  readonly heads: StoredHeads;
  readonly live: LiveRows;
  readonly damage: Damage;
}

/** What is left of an index. @throws MnemeError CORRUPT where no centre can be told any more */
export async function readLeft(
  store: ReadableStore,
  name: string,
  about: About,
  postings: Postings,
): Promise<Left> {
  const coder = headCoder(postings.shape.coder.dim, about.seed);
  const pages: string[] = [];
  const read = (part: string, bytes: number): Promise<Part> =>
    readPart(store, [name, "heads", part], bytes, pages);
  const mean = await read("mean", coder.dim * 4);
  const [coarse, fine] = [
    await read("coarse", coder.blockBytes(about.lists)),
    await read("fine", about.lists * coder.fineBytes),
  ];
  const [counts, radii] = [await read("counts", about.lists * 4), await read("radii", about.lists * 4)];
  const heads = {
    mean: new Float32Array(
      mean.lost.length === 0 ? mean.bytes.buffer : (await readMeanCopy(store, name, coder.dim)).buffer,
    ),
    coarse: coarse.bytes,
    fine: fine.bytes,
    counts: new Uint32Array(counts.bytes.buffer),
    radii: new Float32Array(radii.bytes.buffer),
  };
  const lists = mendHeads(coder, heads, { coarse, fine });
  await mendDirectory(postings, heads, { counts, radii });
  const rows = await readPart(store, [name, "rows"], liveBytes(about.lastRow), pages);
  const unknown = rows.lost.map(([from, to]) => [from * 8, Math.min(to * 8, about.lastRow + 1)] as const);
  return {
    heads,
    live: LiveRows.left(name, rows.bytes, about.lastRow),
    damage: { pages, lists, rows: unknown },
  };
}

/** Bytes of a part of an index, with zeros for pages that cannot be read. */
interface Part {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Ranges of bytes that are those zeros. */
  readonly lost: readonly (readonly [from: number, to: number])[];
}

/** Pages of `[...key, page]`; what cannot be read is left out and named in `pages`. */
async function readPart(store: ReadableStore, key: Key, size: number, pages: string[]): Promise<Part> {
  const bytes = new Uint8Array(size);
  const lost: [number, number][] = [];
  for (let from = 0; from < size; from += PAGE_BYTES) {
    const to = Math.min(size, from + PAGE_BYTES);
    try {
      bytes.set(await readPages(store, NAMESPACE, key, from, to), from);
    } catch (error) {
      if (!(error instanceof MnemeError && error.code === "CORRUPT")) throw error;
      lost.push([from, to]);
      pages.push(`${key.slice(1).join("/")} page ${from / PAGE_BYTES}`);
    }
  }
  return { bytes, lost };
}

/** Numbers of the items of `itemBytes` that lie in lost bytes, wholly or in part. */
function itemsIn({ lost }: Part, itemBytes: number, count: number): number[] {
  const items: number[] = [];
  for (const [from, to] of lost)
    for (let item = Math.floor(from / itemBytes); item * itemBytes < to && item < count; item++)
      if (item !== items.at(-1)) items.push(item);
  return items;
}

/** Heads whose coarse codes are lost get them from their centres; those whose fine codes are lost are nowhere. @returns those */
function mendHeads(
  coder: ListCoder,
  { mean, coarse, fine }: StoredHeads,
  lost: { readonly coarse: Part; readonly fine: Part },
): number[] {
  const count = fine.length / coder.fineBytes;
  const gone = new Set(itemsIn(lost.fine, coder.fineBytes, count));
  for (const list of gone) {
    fine.set(coder.nowhere.fine, list * coder.fineBytes);
    coder.putRow(coarse, list, coder.nowhere.coarse);
  }
  const blocks = itemsIn(lost.coarse, BLOCK_ROWS * coder.coarseBytes, Math.ceil(count / BLOCK_ROWS));
  for (const block of blocks)
    for (let list = block * BLOCK_ROWS; list < Math.min(count, (block + 1) * BLOCK_ROWS); list++) {
      if (gone.has(list)) continue;
      const own = fine.subarray(list * coder.fineBytes, (list + 1) * coder.fineBytes);
      coder.putRow(coarse, list, coder.encode(coder.decode(own, mean), mean).coarse);
    }
  return [...gone];
}

/** Rows and radii of lists whose directory is lost, from the lists themselves; what of them cannot be read has none. */
async function mendDirectory(
  postings: Postings,
  { counts, radii }: StoredHeads,
  lost: { readonly counts: Part; readonly radii: Part },
): Promise<void> {
  const ofCounts = itemsIn(lost.counts, 4, counts.length);
  for (const list of ofCounts) counts[list] = await postings.storedRows(list);
  for (const list of new Set([...ofCounts, ...itemsIn(lost.radii, 4, radii.length)])) {
    const residuals = await residualsOf(postings, list, counts[list]!);
    const { coder } = postings.shape;
    radii[list] = residuals ? coder.encode(residuals, new Float32Array(coder.dim)).radius : 0;
  }
}

/** What is left of a list's rows when its centre is taken away: rows x dim; undefined where they cannot be trusted. */
export async function residualsOf(
  postings: Postings,
  list: number,
  rows: number,
): Promise<Float32Array | undefined> {
  const { coder } = postings.shape;
  try {
    return coder.decode((await postings.readWhole(list, rows)).fine, new Float32Array(coder.dim));
  } catch (error) {
    if (isDamage(error)) return undefined;
    throw error;
  }
}
