/** From an item to rows: cut into passages, hashed, encoded. Pure; everything but the embedding, the version and the row ids. */
import type { Space } from "../../embed/embedder.ts";
import type { Meta } from "../../index/filter/where.ts";
import type { SparseVector } from "../../index/sparse/weights.ts";
import { columnsOf } from "../columns-of.ts";
import { chunk } from "../ingest/chunk.ts";
import { itemHash } from "../item-hash.ts";
import type { ItemRecord, PassagePlace } from "../item-record.ts";
import { passageTexts } from "../passage-text.ts";
import type { Item, ItemHead } from "../types.ts";
import { parseDate } from "../units.ts";

/** What was there before under the same id. */
export interface Prior {
  readonly version: number;
  readonly createdAt: number;
  readonly hash: string;
}

export interface PreparedItem {
  readonly record: ItemRecord;
  readonly text: Uint8Array;
  readonly passages: readonly string[];
  readonly columns: Meta;
  readonly sparse?: SparseVector;
}

const encoder = new TextEncoder();

/** Cuts and encodes one item. An item with an own vector, dense or sparse, is one passage. Never empty: a blank text is one empty passage. */
export function prepareItem(
  item: Item,
  prior: Prior | undefined,
  now: number,
  hash: string = itemHash(item),
): PreparedItem {
  const text = item.data ?? encoder.encode(item.text);
  const { headings, places } = placesIn(item, text);
  const head: ItemHead = {
    id: item.id,
    kind: "text",
    title: item.title ?? "",
    // copies: what the caller does with its own objects later must not reach the library
    meta: structuredClone(item.meta ?? {}),
    provenance: structuredClone(item.provenance ?? { origin: "user" }),
    owner: item.owner ?? "local",
    visibility: item.visibility ?? "private",
    version: (prior?.version ?? 0) + 1,
    createdAt: prior?.createdAt ?? now,
    updatedAt: now,
    ...(item.expiresAt === undefined ? {} : { expiresAt: parseDate(item.expiresAt, "expiresAt") }),
    contentHash: hash,
    passages: places.length,
    bytes: text.byteLength,
    ...(item.data ? { binary: true } : {}),
  };
  const record = { head, headings, places };
  const passages = passageTexts(record, item.text);
  const own = item.sparse ? { sparse: item.sparse } : {};
  return { record, text, passages, columns: columnsOf(head), ...own };
}

/** An item's own vector as the space wants it: of unit length where an embedder's are, since vectors are added up and not only compared. */
export function ownVector(vector: Float32Array, { normalized }: Space): Float32Array {
  if (!normalized) return vector;
  const norm = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return vector.map((value) => value / norm);
}

interface Cut {
  readonly headings: readonly (readonly string[])[];
  readonly places: readonly PassagePlace[];
}

/** The one passage of bytes that are no text is empty. */
function placesIn(item: Item, bytes: Uint8Array): Cut {
  if (item.data) return wholeItem(item, new Uint8Array(0));
  return item.vector || item.sparse ? wholeItem(item, bytes) : cut(item, bytes);
}

/** @param bytes the text in UTF-8 */
function wholeItem({ text, firstLine: line = 1 }: Item, bytes: Uint8Array): Cut {
  const [end, endByte] = [text.length, bytes.byteLength];
  return { headings: [[]], places: [{ start: 0, end, startByte: 0, endByte, line, heading: 0, page: 0 }] };
}

function cut(item: Item, bytes: Uint8Array): Cut {
  const { text, blocks, firstLine = 1 } = item;
  const chunks = chunk(text, blocks);
  if (chunks.length === 0) return wholeItem(item, bytes);
  const numbers = new Map<string, number>();
  const headings: (readonly string[])[] = [];
  const bytesAt = bytes.byteLength === text.length ? same : byteOffsets(bytes);
  const places = chunks.map((piece) => {
    const key = piece.headings.join("\0");
    let heading = numbers.get(key);
    if (heading === undefined) {
      heading = headings.push(piece.headings) - 1;
      numbers.set(key, heading);
    }
    const startByte = bytesAt(piece.start);
    const endByte = bytesAt(piece.end);
    return {
      start: piece.start,
      end: piece.end,
      startByte,
      endByte,
      line: piece.line + firstLine - 1,
      heading,
      page: piece.page,
    };
  });
  return { headings, places };
}

/** Of ASCII both offsets are one. */
const same = (offset: number): number => offset;

/** UTF-8 offset of rising UTF-16 offsets, in one pass over the UTF-8. */
function byteOffsets(bytes: Uint8Array): (offset: number) => number {
  let units = 0;
  let at = 0;
  return (offset) => {
    for (; units < offset && at < bytes.length; units++) {
      const lead = bytes[at]!;
      if (lead < 0x80) at++;
      else if (lead < 0xe0) at += 2;
      else if (lead < 0xf0) at += 3;
      else {
        // two UTF-16 units
        at += 4;
        units++;
      }
    }
    return at;
  };
}
