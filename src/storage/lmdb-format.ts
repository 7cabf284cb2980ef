/**
 * The layout of LMDB data files (format 2, 64-bit little-endian) as far as a reader must know it: meta pages, page headers, nodes.
 * Only offsets and accessors, no judgement; see lmdb-check.ts. Source: mdb.c of LMDB (Howard Chu, Symas), as built into lmdb-js 3.5.
 */
import { readSync } from "node:fs";

export const LMDB_MAGIC = 0xbeefc0de;
export const LMDB_DATA_VERSION = 2;
/** Bytes before the content of each page, also of the first page of a value that fills several. */
export const PAGE_HEADER_BYTES = 24;
export const NODE_HEADER_BYTES = 8;
/** What a leaf holds in place of a value that lies on pages of its own: page number, transaction, page count. */
export const OVERFLOW_REFERENCE_BYTES = 24;
/** Root of an empty tree, 2^64 - 1 as a float. */
export const NO_PAGE: number = 2 ** 64;

export const BRANCH = 0x01;
export const LEAF = 0x02;
export const OVERFLOW = 0x04;
export const META = 0x08;
/** Node flag: the value lies on overflow pages. */
export const BIG_DATA = 0x01;

/** One tree of a meta page. */
export interface LmdbTree {
  readonly pad: number;
  readonly flags: number;
  readonly depth: number;
  readonly branchPages: number;
  readonly leafPages: number;
  readonly overflowPages: number;
  readonly entries: number;
  readonly root: number;
}

export interface LmdbMeta {
  readonly pageFlags: number;
  readonly magic: number;
  readonly version: number;
  readonly address: number;
  readonly mapSize: number;
  readonly pageSize: number;
  readonly free: LmdbTree;
  readonly main: LmdbTree;
  readonly lastPage: number;
  readonly txnId: number;
}

/** Bytes of a meta page that carry meaning. */
export const META_BYTES: number = PAGE_HEADER_BYTES + 136;

/** Above 2^53 the float rounds, which is as good: such numbers are always out of range here. */
export function u64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}

export function parseMeta(view: DataView): LmdbMeta {
  const at = PAGE_HEADER_BYTES;
  const free = parseTree(view, at + 24);
  return {
    pageFlags: view.getUint16(18, true),
    magic: view.getUint32(at, true),
    version: view.getUint32(at + 4, true),
    address: u64(view, at + 8),
    mapSize: u64(view, at + 16),
    pageSize: free.pad,
    free,
    main: parseTree(view, at + 72),
    lastPage: u64(view, at + 120),
    txnId: u64(view, at + 128),
  };
}

function parseTree(view: DataView, at: number): LmdbTree {
  return {
    pad: view.getUint32(at, true),
    flags: view.getUint16(at + 4, true),
    depth: view.getUint16(at + 6, true),
    branchPages: u64(view, at + 8),
    leafPages: u64(view, at + 16),
    overflowPages: u64(view, at + 24),
    entries: u64(view, at + 32),
    root: u64(view, at + 40),
  };
}

/** One branch or leaf page. Offsets of nodes are relative to the end of the page header, as LMDB keeps them. */
export class LmdbPage {
  readonly bytes: Uint8Array;
  readonly view: DataView;

  constructor(pageSize: number) {
    this.bytes = new Uint8Array(pageSize);
    this.view = new DataView(this.bytes.buffer);
  }

  get number(): number {
    return u64(this.view, 0);
  }
  get txnId(): number {
    return u64(this.view, 8);
  }
  get flags(): number {
    return this.view.getUint16(18, true);
  }
  get lower(): number {
    return this.view.getUint16(20, true);
  }
  get upper(): number {
    return this.view.getUint16(22, true);
  }
  /** Of the first page of an overflow run: its length in pages. */
  get overflowPages(): number {
    return this.view.getUint32(20, true);
  }
  nodeOffset(index: number): number {
    return this.view.getUint16(PAGE_HEADER_BYTES + 2 * index, true);
  }
  /** Size of the value in a leaf; the low 32 bits of the child in a branch. */
  nodeLow(offset: number): number {
    return this.view.getUint32(PAGE_HEADER_BYTES + offset, true);
  }
  /** Flags in a leaf; the high 16 bits of the child in a branch. */
  nodeHigh(offset: number): number {
    return this.view.getUint16(PAGE_HEADER_BYTES + offset + 4, true);
  }
  keyBytes(offset: number): number {
    return this.view.getUint16(PAGE_HEADER_BYTES + offset + 6, true);
  }
  /** Borrowed from the page. */
  key(offset: number): Uint8Array {
    const at = PAGE_HEADER_BYTES + offset + NODE_HEADER_BYTES;
    return this.bytes.subarray(at, at + this.keyBytes(offset));
  }
}

/** Fills `into` from the file; false where the file is shorter. */
export function readFully(fd: number, into: Uint8Array, position: number): boolean {
  let done = 0;
  while (done < into.length) {
    const count = readSync(fd, into, done, into.length - done, position + done);
    if (count === 0) return false;
    done += count;
  }
  return true;
}

/** Pages that a value of this many bytes occupies beyond its leaf. */
export function overflowPagesOf(valueBytes: number, pageSize: number): number {
  return Math.floor((PAGE_HEADER_BYTES - 1 + valueBytes) / pageSize) + 1;
}
