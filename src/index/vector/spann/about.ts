/** What a store knows of an index: its settings, its heads and the directory of its lists. */
import type { Metric } from "../../../codecs/codec.ts";
import { MnemeError } from "../../../errors.ts";
import { PAGE_BYTES, readPages, writePages } from "../../../storage/pages.ts";
import type { Batch, Key, ReadableStore } from "../../../storage/store.ts";
import type { Replication } from "./closure.ts";
import { BLOCK_ROWS, oneBit, type StoredCodes } from "./coarse-codes.ts";
import { headCoder } from "./heads.ts";
import type { ListCoder } from "./list-codes.ts";
import { MetricSpace } from "./metric-space.ts";
import { NAMESPACE } from "./postings.ts";
import type { LogRange } from "./row-log.ts";

export const FORMAT = 4;
/** 2: without a log of rows; 3: lists of 1-bit codes only. They are opened, and are of this format from their first change on. */
const OLDER_FORMATS = [2, 3];

export type SpannMetric = Metric;

export interface About {
  readonly format: number;
  readonly build: number;
  readonly dim: number;
  readonly metric: SpannMetric;
  /** Length that no row exceeds, under the metric "dot". */
  readonly longest: number;
  readonly seed: number;
  /** Rows of a list at most. */
  readonly limit: number;
  readonly lists: number;
  /** Rows that the index holds, and their copies. */
  readonly rows: number;
  readonly copies: number;
  /** The largest number that a row has or had. */
  readonly lastRow: number;
  readonly replication: Replication;
  /** Root of the mean squared distance of the centres from their mean. */
  readonly radius: number;
  /** Coarse codes of the lists' rows. */
  readonly codes: StoredCodes;
  /** Records of rows that are not in lists yet. */
  readonly log: LogRange;
}

export const noLog: LogRange = { first: 0, end: 0 };

export const spaceOf = ({ metric, dim, longest }: About): MetricSpace =>
  new MetricSpace(metric, dim, longest);

/** Centres of the lists, coded, and of each list its rows and the root of their mean squared distance from the centre. */
export interface StoredHeads {
  readonly mean: Float32Array;
  readonly coarse: Uint8Array;
  readonly fine: Uint8Array;
  readonly counts: Uint32Array;
  readonly radii: Float32Array;
}

const aboutKey = (name: string): Key => [name, "about"];

export function putAbout(batch: Batch, name: string, about: Omit<About, "format">): void {
  const text = JSON.stringify({ ...about, format: FORMAT });
  batch.put(NAMESPACE, aboutKey(name), new TextEncoder().encode(text));
}

export function deleteIndex(batch: Batch, name: string): void {
  batch.deletePrefix(NAMESPACE, [name]);
}

/** @throws MnemeError NOT_FOUND, VERSION, CORRUPT */
export async function readAbout(store: ReadableStore, name: string): Promise<About> {
  const [bytes] = await store.getMany(NAMESPACE, [aboutKey(name)]);
  if (!bytes)
    throw new MnemeError(
      "NOT_FOUND",
      `spann "${name}": there is no such index in ${store.location}; build it first`,
    );
  const about = JSON.parse(new TextDecoder().decode(bytes)) as About;
  if (about.format !== FORMAT && !OLDER_FORMATS.includes(about.format))
    throw new MnemeError(
      "VERSION",
      `spann "${name}": format ${about.format}, expected ${FORMAT}; build it again`,
    );
  return { ...about, format: FORMAT, log: about.log ?? noLog, codes: about.codes ?? oneBit };
}

const PARTS = ["mean", "coarse", "fine", "counts", "radii"] as const;

export function putHeads(batch: Batch, name: string, heads: StoredHeads): void {
  for (const part of PARTS) {
    const { buffer, byteOffset, byteLength } = heads[part];
    writePages(batch, NAMESPACE, [name, "heads", part], new Uint8Array(buffer, byteOffset, byteLength));
  }
  const { buffer, byteOffset, byteLength } = heads.mean;
  writePages(batch, NAMESPACE, meanCopyKey(name), new Uint8Array(buffer, byteOffset, byteLength));
}

/** All centres hang on their mean: it is there twice. */
const meanCopyKey = (name: string): Key => [name, "heads", "mean copy"];

/** @throws MnemeError CORRUPT */
export async function readMeanCopy(
  store: ReadableStore,
  name: string,
  dim: number,
): Promise<Uint8Array<ArrayBuffer>> {
  return readPages(store, NAMESPACE, meanCopyKey(name), 0, dim * 4);
}

/** Writes only the pages that hold something of the heads that have changed, and of the lists whose rows have. */
export function putChangedHeads(
  batch: Batch,
  name: string,
  heads: Omit<StoredHeads, "mean">,
  changed: { readonly heads: Iterable<number>; readonly lists: Iterable<number> },
  coder: ListCoder,
): void {
  const strides = { coarse: coder.coarseBytes, fine: coder.fineBytes, counts: 4, radii: 4 };
  const [changedHeads, changedLists] = [[...changed.heads], [...changed.lists]];
  for (const part of ["coarse", "fine", "counts", "radii"] as const) {
    const { buffer, byteOffset, byteLength } = heads[part];
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    // codes of a block's rows lie side by side
    const unit = part === "coarse" ? BLOCK_ROWS : 1;
    const unitBytes = strides[part] * unit;
    const pages = new Set<number>();
    for (const list of part === "coarse" || part === "fine" ? changedHeads : changedLists) {
      const start = Math.floor(list / unit) * unitBytes;
      for (let page = Math.floor(start / PAGE_BYTES); page * PAGE_BYTES < start + unitBytes; page++)
        pages.add(page);
    }
    for (const page of pages) {
      const some = bytes.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
      writePages(batch, NAMESPACE, [name, "heads", part], some, page);
    }
  }
}

/** @throws MnemeError CORRUPT */
export async function readHeads(store: ReadableStore, name: string, about: About): Promise<StoredHeads> {
  const coder = headCoder(spaceOf(about).width, about.seed);
  const read = (part: (typeof PARTS)[number], bytes: number): Promise<Uint8Array<ArrayBuffer>> =>
    Promise.resolve(readPages(store, NAMESPACE, [name, "heads", part], 0, bytes));
  const { lists } = about;
  return {
    mean: new Float32Array((await read("mean", coder.dim * 4)).buffer),
    coarse: await read("coarse", coder.blockBytes(lists)),
    fine: await read("fine", lists * coder.fineBytes),
    counts: new Uint32Array((await read("counts", lists * 4)).buffer),
    radii: new Float32Array((await read("radii", lists * 4)).buffer),
  };
}
