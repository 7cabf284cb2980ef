/**
 * A segment in a store, for indexes used without a library: parts cut into values of whole rows that fill one page of the disk each, so that
 * rows are read by their pages and nothing more. The store's checksums find damage. Not cached: that is the disk's page cache.
 */
import { MnemeError } from "../errors.ts";
import { type ListSource, listsOf } from "../kernels/index.ts";
import type { Batch, Key, ReadableStore } from "../storage/store.ts";
import { type ByteRange, cutRanges, type Parts, type RowIds, type SegmentSource } from "./segment.ts";

/** Bytes of a value that fills a page of 4096 bytes in the disk store: less its header and the checksum. */
const VALUE_BYTES = 4096 - 16 - 8;

/** Rows of so many bytes that lie on a page, at least one. */
export function rowsPerPage(stride: number): number {
  return Math.max(1, Math.floor(VALUE_BYTES / stride));
}

export interface StoredParts {
  readonly namespace: string;
  /** Under it lie the values, one key a page: part and number. */
  readonly key: Key;
  /** Bytes of a row, of parts that are gathered by rows; others are cut where a page ends. */
  readonly strides: Readonly<Record<string, number>>;
}

const valueBytesOf = ({ strides }: StoredParts, part: string): number => {
  const stride = strides[part];
  return stride === undefined ? VALUE_BYTES : rowsPerPage(stride) * stride;
};

export function writeParts(batch: Batch, place: StoredParts, parts: Parts): void {
  for (const [part, bytes] of parts) {
    const step = valueBytesOf(place, part);
    for (let at = 0; at < bytes.length; at += step)
      batch.put(place.namespace, [...place.key, part, at / step], bytes.subarray(at, at + step));
  }
}

export interface StoredSegmentInfo extends StoredParts {
  readonly id: number;
  readonly rows: RowIds;
  /** Bytes of each part. */
  readonly sizes: Readonly<Record<string, number>>;
}

/** Reads throw CORRUPT with the row or byte where a page is missing, short or damaged. */
export function storeSegment(store: ReadableStore, info: StoredSegmentInfo): SegmentSource {
  const pagesOf = async (part: string, numbers: readonly number[]): Promise<Uint8Array[]> => {
    const keys = numbers.map((number): Key => [...info.key, part, number]);
    const found = await store.getMany(info.namespace, keys);
    const step = valueBytesOf(info, part);
    return found.map((value, i) => {
      const needed = Math.min(step, (info.sizes[part] ?? 0) - numbers[i]! * step);
      if (value && value.length >= needed) return value;
      throw new MnemeError(
        "CORRUPT",
        `${store.location}: segment ${info.id}: page ${numbers[i]} of ${part} holds ${value?.length ?? "no"} bytes, ${needed} are needed`,
        {
          details: {
            part,
            page: numbers[i],
            row: Math.floor((numbers[i]! * step) / (info.strides[part] ?? 1)),
          },
        },
      );
    });
  };
  const cut = async ({ part, start, end }: ByteRange): Promise<Uint8Array> => {
    const out = new Uint8Array(end - start);
    const step = valueBytesOf(info, part);
    const first = Math.floor(start / step);
    const numbers = Array.from({ length: Math.ceil(end / step) - first }, (_, i) => first + i);
    for (const [i, page] of (await pagesOf(part, numbers)).entries()) {
      const base = (first + i) * step;
      out.set(
        page.subarray(Math.max(start - base, 0), Math.min(end - base, step)),
        Math.max(0, base - start),
      );
    }
    return out;
  };
  return {
    id: info.id,
    rows: info.rows,
    size: (part) => info.sizes[part] ?? 0,
    read: (ranges) => Promise.all(ranges.map(cut)),
    hold: async (part, ranges): Promise<ListSource> =>
      listsOf(await Promise.all(cutRanges(ranges, (start, end) => cut({ part, start, end })))),
    async gather(part, stride, ordinals, out) {
      const most = rowsPerPage(stride);
      const numbers = [...new Set(Array.from(ordinals, (ordinal) => Math.floor(ordinal / most)))];
      const pages = new Map((await pagesOf(part, numbers)).map((page, i) => [numbers[i]!, page]));
      ordinals.forEach((ordinal, i) => {
        const from = (ordinal % most) * stride;
        const page = pages.get(Math.floor(ordinal / most))!;
        if (page.length < from + stride) throw beyond(store, info, part, ordinal);
        out.set(page.subarray(from, from + stride), i * stride);
      });
    },
  };
}

function beyond(
  { location }: ReadableStore,
  { id, rows }: StoredSegmentInfo,
  part: string,
  row: number,
): MnemeError {
  return new MnemeError(
    "CORRUPT",
    `${location}: segment ${id} has no row ${row} of ${part}, it has ${rows.count}`,
    { details: { part, row } },
  );
}
