/** An index of token vectors as named byte strings for a store, and back. The store adds checksums; what comes back is still not trusted to fit together. */
import { asU32 } from "../../bytes.ts";
import { asFloats, deserialize, serialize } from "../../codecs/serial.ts";
import { MnemeError } from "../../errors.ts";
import { NO_ROW, tokenWidth } from "../../kernels/index.ts";
import type { Parts } from "../segment.ts";
import type { FixedEncodingOptions } from "./fixed-encoding.ts";
import { fixedEncodingDefaults } from "./fixed-encoding.ts";
import { MultiVectorIndex } from "./multi-vector-index.ts";
import { type MultiVectorOptions, multiVectorDefaults } from "./options.ts";

/** Grows when the bytes change. */
export const TOKENS_VERSION = 1;

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);

/** Parts of the live documents: `shape`, `rows`, `offsets`, `codes`, `scales`, and `encodings` where there is a first stage. */
export function tokenParts(index: MultiVectorIndex): Parts {
  const { dim, space, encoding, codec = multiVectorDefaults.codec } = index.options;
  const { rows, offsets, codes, scales, encodings } = index.parts();
  const first = encoding === false ? false : { ...fixedEncodingDefaults, ...encoding };
  const header = { id: "tokens", version: TOKENS_VERSION, dim, space: space ?? null, encoding: first, codec };
  const parts: Parts = new Map([
    ["shape", serialize({ ...header, documents: rows.length })],
    ["rows", bytesOf(rows)],
    ["offsets", bytesOf(offsets)],
    ["codes", bytesOf(codes)],
    ["scales", bytesOf(scales)],
  ]);
  if (encodings) parts.set("encodings", encodings);
  return parts;
}

/** The inverse of `tokenParts`. @param options what is not of the index itself. @throws MnemeError CORRUPT, VERSION */
export function restoreTokens(
  parts: Parts,
  options: Pick<MultiVectorOptions, "pool"> = {},
): MultiVectorIndex {
  const { index: own, documents } = shapeFrom(part(parts, "shape"));
  const index = new MultiVectorIndex({ ...own, ...options });
  try {
    const [rows, offsets] = [asU32(part(parts, "rows")), asU32(part(parts, "offsets"))];
    checkRowsAndOffsets(rows, offsets, documents);
    const vectors = offsets.at(-1)!;
    const [codes, scales] = [part(parts, "codes"), part(parts, "scales")];
    expectBytes("codes", codes, vectors * tokenWidth(own.dim));
    expectBytes("scales", scales, vectors * 4);
    const encodings = own.encoding === false ? undefined : part(parts, "encodings");
    if (encodings) expectBytes("encodings", encodings, documents * index.encodingBytes);
    const factors = asFloats(scales);
    if (factors.some((scale) => !(scale >= 0) || scale === Number.POSITIVE_INFINITY))
      throw corrupt("part scales holds what is no scale");
    const signed = new Int8Array(codes.buffer, codes.byteOffset, codes.byteLength);
    index.restore({ rows, offsets, codes: signed, scales: factors, encodings });
    return index;
  } catch (error) {
    index[Symbol.dispose]();
    throw error;
  }
}

function shapeFrom(bytes: Uint8Array): { index: MultiVectorOptions; documents: number } {
  const { header } = deserialize(bytes);
  if (header.id !== "tokens") throw corrupt(`part shape is of ${JSON.stringify(header.id)}`);
  if (header.version !== TOKENS_VERSION)
    throw new MnemeError(
      "VERSION",
      `tokens: parts of version ${header.version}, this build reads ${TOKENS_VERSION}; build the index anew`,
    );
  const { dim, space, encoding, codec, documents } = header;
  if (!Number.isInteger(dim) || dim < 1 || !Number.isInteger(documents) || typeof codec !== "string")
    throw corrupt(`dim ${dim}, ${documents} documents, codec ${codec}`);
  const isEncoding = encoding === false || (typeof encoding === "object" && encoding !== null);
  if (!isEncoding) throw corrupt(`encoding ${JSON.stringify(encoding)}`);
  const named = typeof space === "string" ? { space } : {};
  return {
    index: { dim, ...named, encoding: encoding as FixedEncodingOptions | false, codec },
    documents: documents as number,
  };
}

function checkRowsAndOffsets(rows: Uint32Array, offsets: Uint32Array, documents: number): void {
  if (rows.length !== documents || offsets.length !== documents + 1)
    throw corrupt(`${rows.length} rows and ${offsets.length} offsets for ${documents} documents`);
  if (new Set(rows).size !== documents || rows.includes(NO_ROW)) throw corrupt("part rows names a row twice");
  if (offsets[0] !== 0) throw corrupt(`part offsets begins with ${offsets[0]}`);
  for (let i = 0; i < documents; i++)
    if (offsets[i + 1]! <= offsets[i]!) throw corrupt(`offsets do not ascend at document ${i}`);
}

function part(parts: Parts, name: string): Uint8Array {
  const bytes = parts.get(name);
  if (!bytes) throw corrupt(`part ${name} is missing`);
  return bytes;
}

function expectBytes(name: string, { byteLength }: Uint8Array, expected: number): void {
  if (byteLength !== expected) throw corrupt(`part ${name} has ${byteLength} bytes, expected ${expected}`);
}

function corrupt(what: string): MnemeError {
  return new MnemeError("CORRUPT", `tokens: ${what}; build the index anew`);
}
