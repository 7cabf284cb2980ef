/**
 * The log's form of one item: everything needed to search it again after a restart, in one value.
 * Layout, little-endian: u32 record length, u32 text length, u32 packed text length, u32 rows; record; deflated text; fine codes;
 * the sparse vector as JSON where the item has one.
 */
import { MnemeError } from "../errors.ts";
import type { SparseVector } from "../index/sparse/weights.ts";
import { rowBytes } from "../index/vector/vectors-kind.ts";
import { columnsOf } from "./columns-of.ts";
import { deflate, inflate } from "./compress.ts";
import { decodeItemRecord, encodeItemRecord } from "./item-record.ts";
import { decodeJson, type SpaceEntry } from "./layout.ts";
import { passageTexts } from "./passage-text.ts";
import { codersOf } from "./spaces.ts";
import type { TailItem } from "./tail.ts";

const encoder = new TextEncoder();
const HEADER_BYTES = 16;
/** Places of passages count a leading byte order mark. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export function encodeLogRecord(item: Omit<TailItem, "firstRow">, space: SpaceEntry): Uint8Array {
  const record = encodeItemRecord(item.record);
  const packed = deflate(item.text);
  const dim = space.space.dim;
  const codes = codersOf(space).fine.encode({ rows: item.rows, cols: dim, data: item.vectors });
  const sparse = encoder.encode(item.sparse ? JSON.stringify(item.sparse) : "");
  const sparseAt = HEADER_BYTES + record.byteLength + packed.byteLength + codes.byteLength;
  const bytes = new Uint8Array(sparseAt + sparse.byteLength);
  const view = new DataView(bytes.buffer);
  [record.byteLength, item.text.byteLength, packed.byteLength, item.rows].forEach((n, i) =>
    view.setUint32(4 * i, n, true),
  );
  bytes.set(record, HEADER_BYTES);
  bytes.set(packed, HEADER_BYTES + record.byteLength);
  bytes.set(codes, HEADER_BYTES + record.byteLength + packed.byteLength);
  bytes.set(sparse, sparseAt);
  return bytes;
}

/** Vectors come back as the fine codes hold them. @throws MnemeError CORRUPT. */
export function decodeLogRecord(firstRow: number, bytes: Uint8Array, space: SpaceEntry): TailItem {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [recordLength, textLength, packedLength, rows] = [0, 4, 8, 12].map((at) =>
    view.getUint32(at, true),
  ) as [number, number, number, number];
  const textAt = HEADER_BYTES + recordLength;
  if (textAt + packedLength > bytes.byteLength) {
    throw new MnemeError(
      "CORRUPT",
      `log record of row ${firstRow}: ${bytes.byteLength} bytes are too few; run \`mneme doctor\``,
    );
  }
  const { head, headings, places } = decodeItemRecord(bytes.subarray(HEADER_BYTES, textAt));
  // plain, because it is sent to a worker when the tail is flushed, and what is decoded on demand does not survive that
  const record = { head, headings, places };
  const text = inflate(bytes.subarray(textAt, textAt + packedLength), textLength).slice();
  const { fine } = codersOf(space);
  const codesAt = textAt + packedLength;
  const sparseAt = codesAt + rows * rowBytes(fine);
  const decoded = fine.decode(bytes.subarray(codesAt, sparseAt), rows);
  return {
    firstRow,
    rows,
    record,
    text,
    passages: passageTexts(record, decoder.decode(text)),
    vectors: decoded.data,
    columns: columnsOf(record.head),
    ...(sparseAt < bytes.byteLength ? { sparse: decodeJson<SparseVector>(bytes.subarray(sparseAt)) } : {}),
  };
}
