/** Where a library keeps what in its Store, and the manifest that names its segments. */
import type { EmbedderOrigin, Space } from "../embed/embedder.ts";
import { MnemeError } from "../errors.ts";
import type { RowIds } from "../index/segment.ts";
import type { TagSelector } from "./quote-and-tag.ts";
import type { TunedRecall } from "./recall-plan.ts";

/** Grows when a library written by this build cannot be read by older ones. */
export const FORMAT_VERSION = 2;

/** Namespaces of the Store. */
export const NS = {
  /** ["manifest"], ["counters"], ["roots"], ["skipped"] */
  library: "library",
  /** [id] -> IdEntry */
  ids: "ids",
  /** [first row] -> LogRecord of an item not yet in a segment */
  log: "log",
  /** [segment, part, page] -> bytes */
  segments: "segments",
  /** [page] -> bitmap of rows that were replaced or forgotten */
  dead: "dead",
  /** [token] -> what `undo` needs */
  trash: "trash",
} as const;

export const MANIFEST_KEY = ["manifest"] as const;
export const COUNTERS_KEY = ["counters"] as const;
export const SKIPPED_KEY = ["skipped"] as const;

/** One vector space that the library holds vectors of. */
export interface SpaceEntry {
  /** Names the segment parts of this space: `vectors<id>/...`. */
  readonly id: number;
  readonly space: Space;
  /** How its embedder is made again; absent where that is not known. */
  readonly origin?: EmbedderOrigin;
  /** Serialised coders, base64. */
  readonly coarse: string;
  readonly fine: string;
}

export interface SegmentEntry {
  readonly id: number;
  readonly count: number;
  /** First row id of a contiguous segment; null: ids are in the part `rows`. */
  readonly base: number | null;
  /** First and last row id, for finding and ordering. */
  readonly first: number;
  readonly last: number;
  /** Part name -> bytes. */
  readonly parts: Readonly<Record<string, number>>;
}

export function sameParts(a: SegmentEntry["parts"], b: SegmentEntry["parts"]): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

/** How items are filed in a cube: who finds the labels, of which dimensions. */
export interface CubeEntry {
  /** Names the segment parts of this cube: `cube<id>/...`. Another way to file gets another one. */
  readonly id: number;
  readonly dimensions: readonly string[];
  /** Ids of the extractors. */
  readonly extractors: readonly string[];
}

export const cubePrefix = (id: number): string => `cube${id}/`;

export interface Manifest {
  readonly format: number;
  readonly createdAt: number;
  readonly spaces: readonly SpaceEntry[];
  /** Id of the space that answers. */
  readonly active: number;
  readonly segments: readonly SegmentEntry[];
  readonly nextSegment: number;
  /** Whether segments shall have shards of substrings; absent: no. */
  readonly substrings?: boolean;
  /** What tuning on a query log found best for `search`. */
  readonly tuned?: TunedRecall;
  /** Selectors of tags that were learnt, one a field. */
  readonly tagSelectors?: readonly TagSelector[];
  /** Absent where items are not filed. */
  readonly cube?: CubeEntry;
}

/** The space that is searched. */
export function activeSpace(manifest: Manifest): SpaceEntry {
  return manifest.spaces.find((space) => space.id === manifest.active)!;
}

/** What tuning found best for the space that answers. */
export function tunedOf({ tuned, active }: Manifest): TunedRecall | undefined {
  return tuned?.space === active ? tuned : undefined;
}

/** Written with every commit. */
export interface Counters {
  readonly nextRow: number;
}

export const encodeJson = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
export const decodeJson = <T>(bytes: Uint8Array): T => JSON.parse(new TextDecoder().decode(bytes)) as T;

/** @throws MnemeError VERSION when a newer build wrote it, CORRUPT when it is no manifest. */
export function decodeManifest(bytes: Uint8Array, location: string): Manifest {
  let manifest: Manifest;
  try {
    manifest = decodeJson<Manifest>(bytes);
  } catch (cause) {
    throw new MnemeError("CORRUPT", `open: the manifest of ${location} is not readable; restore a snapshot`, {
      cause,
    });
  }
  if (manifest.format !== FORMAT_VERSION) {
    throw new MnemeError(
      "VERSION",
      `open: ${location} has format ${manifest.format}, this build reads ${FORMAT_VERSION}; use the version that wrote it`,
    );
  }
  return manifest;
}

/** Bounds of ascending rows, for a manifest entry. */
export function rowBounds(rows: RowIds): { base: number | null; first: number; last: number; count: number } {
  const first = rows.base ?? rows.ids![0] ?? 0;
  const last = rows.base === null ? (rows.ids!.at(-1) ?? 0) : rows.base + rows.count - 1;
  return { base: rows.base, first, last, count: rows.count };
}

/** What the library knows of an id without reading its segment. */
export interface IdEntry {
  readonly firstRow: number;
  readonly rows: number;
  readonly version: number;
  readonly createdAt: number;
  /** Of the source file when it was read; 0 for items that came as text. */
  readonly modifiedAt: number;
  readonly sourceBytes: number;
  /** First 16 bytes of the sha-256 of what makes the item, hex. */
  readonly hash: string;
  /** UTF-8 bytes of the text. */
  readonly bytes: number;
}

const ID_ENTRY_BYTES = 64;

export function encodeIdEntry(entry: IdEntry): Uint8Array {
  const bytes = new Uint8Array(ID_ENTRY_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, entry.firstRow, true);
  view.setUint32(4, entry.rows, true);
  view.setUint32(8, entry.version, true);
  view.setFloat64(16, entry.createdAt, true);
  view.setFloat64(24, entry.modifiedAt, true);
  view.setFloat64(32, entry.sourceBytes, true);
  view.setFloat64(40, entry.bytes, true);
  for (let i = 0; i < 16; i++)
    bytes[48 + i] = (digitOf(entry.hash, 2 * i) << 4) | digitOf(entry.hash, 2 * i + 1);
  return bytes;
}

/** Value of a lower-case hexadecimal digit. */
function digitOf(hex: string, at: number): number {
  const code = hex.charCodeAt(at);
  return code < 58 ? code - 48 : code - 87;
}

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** @throws MnemeError CORRUPT */
export function decodeIdEntry(bytes: Uint8Array): IdEntry {
  if (bytes.byteLength !== ID_ENTRY_BYTES) {
    throw new MnemeError(
      "CORRUPT",
      `id entry: ${bytes.byteLength} bytes, expected ${ID_ENTRY_BYTES}; run \`mneme doctor\``,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let hash = "";
  for (let i = 48; i < 64; i++) hash += HEX[bytes[i]!];
  return {
    firstRow: view.getUint32(0, true),
    rows: view.getUint32(4, true),
    version: view.getUint32(8, true),
    createdAt: view.getFloat64(16, true),
    modifiedAt: view.getFloat64(24, true),
    sourceBytes: view.getFloat64(32, true),
    bytes: view.getFloat64(40, true),
    hash,
  };
}
