/** An LMDB data file as bytes: reading, refusing, and its two meta pages. No trees; see lmdb-check.ts. */
import { closeSync, fstatSync, openSync } from "node:fs";
import { MnemeError } from "../errors.ts";
import {
  LMDB_DATA_VERSION,
  LMDB_MAGIC,
  type LmdbMeta,
  META,
  META_BYTES,
  parseMeta,
  readFully,
} from "./lmdb-format.ts";

/** Integer keys, and the environment's "no subdirectory" flag, which is kept in the same word. */
const FREE_FLAGS = 0x4008;
/** No map is larger than a 47-bit address space. */
export const LARGEST_MAP: number = 2 ** 47;

/** The raw meta pages, to see whether another process committed meanwhile. */
export function readMetaBytes(path: string, pageSize = 4096): string {
  const fd = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(2 * META_BYTES);
    readFully(fd, bytes.subarray(0, META_BYTES), 0);
    readFully(fd, bytes.subarray(META_BYTES), pageSize);
    return bytes.toString("latin1");
  } finally {
    closeSync(fd);
  }
}

export class LmdbFile {
  readonly path: string;
  readonly bytes: number;
  readonly #fd: number;

  constructor(path: string) {
    this.path = path;
    this.#fd = openSync(path, "r");
    this.bytes = fstatSync(this.#fd).size;
  }

  /** Fills `into`; false where the file is shorter. */
  read(into: Uint8Array, position: number): boolean {
    return readFully(this.#fd, into, position);
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** @throws MnemeError CORRUPT */
  fail(what: string): never {
    throw new MnemeError(
      "CORRUPT",
      `${this.path}: damaged, ${what}; restore it from a snapshot or index again`,
      {
        details: { path: this.path },
      },
    );
  }

  /** @throws MnemeError FORMAT */
  foreign(): never {
    throw new MnemeError("FORMAT", `${this.path}: not a file of a Mneme library; choose another folder`, {
      details: { path: this.path },
    });
  }
}

/** The meta page of the last commit, after judging both. @throws MnemeError FORMAT, VERSION, CORRUPT */
export function newestMeta(file: LmdbFile): LmdbMeta {
  const first = readMeta(file, 0);
  const pageSize = first?.magic === LMDB_MAGIC ? first.pageSize : 4096;
  if (pageSize < 512 || pageSize > 65_536 || (pageSize & (pageSize - 1)) !== 0)
    file.fail(`its page size reads ${pageSize}`);
  const second = readMeta(file, pageSize);
  if (!first || !second) {
    if (first && first.magic !== LMDB_MAGIC) file.foreign();
    return file.fail(`cut off at ${file.bytes} bytes, inside its two meta pages`);
  }
  if (first.magic !== LMDB_MAGIC && second.magic !== LMDB_MAGIC) file.foreign();
  if (first.version === second.version && first.version !== LMDB_DATA_VERSION)
    throw new MnemeError(
      "VERSION",
      `${file.path}: LMDB format ${first.version}, this build reads ${LMDB_DATA_VERSION}`,
    );
  if (first.main.flags !== 0 && first.main.flags === second.main.flags) file.foreign();
  if (!isSound(first, first.pageSize) || !isSound(second, first.pageSize))
    file.fail("a meta page is not what was written");
  return laterOf(file, first, second);
}

function readMeta(file: LmdbFile, at: number): LmdbMeta | undefined {
  const bytes = new Uint8Array(META_BYTES);
  return file.read(bytes, at) ? parseMeta(new DataView(bytes.buffer)) : undefined;
}

function isSound(meta: LmdbMeta, pageSize: number): boolean {
  return (
    meta.magic === LMDB_MAGIC &&
    meta.version === LMDB_DATA_VERSION &&
    meta.pageFlags === META &&
    meta.address === 0 &&
    meta.pageSize === pageSize &&
    meta.free.flags === FREE_FLAGS &&
    meta.main.flags === 0 &&
    meta.main.pad === 0 &&
    meta.lastPage >= 1 &&
    meta.mapSize <= LARGEST_MAP
  );
}

/** Commit n goes to meta page n % 2, so the two differ by one: anything else is a damaged counter, hence an older state. */
function laterOf(file: LmdbFile, first: LmdbMeta, second: LmdbMeta): LmdbMeta {
  const fresh = first.txnId === 0 && second.txnId === 0;
  const inTurn =
    Math.abs(first.txnId - second.txnId) === 1 && first.txnId % 2 === 0 && second.txnId % 2 === 1;
  if (!fresh && !inTurn) file.fail(`its meta pages are of transactions ${first.txnId} and ${second.txnId}`);
  return second.txnId > first.txnId ? second : first;
}
