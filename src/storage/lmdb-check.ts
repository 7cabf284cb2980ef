/**
 * Structural check of an LMDB data file before LMDB maps it. LMDB trusts its pages: a damaged page number, offset or size makes
 * it read or write outside the map and takes the process down. This walk reads each branch and leaf page and the list of free
 * pages, and lets through only a file in which every reference stays inside its page and inside the file, no page is used
 * twice or free while used, the counters agree, and each key matches its own checksum. The bytes of values are not read: they
 * carry checksums that reads verify.
 */
import { closeSync, fstatSync, openSync } from "node:fs";
import { MnemeError } from "../errors.ts";
import { compareBytes, keyIsSound } from "./key.ts";
import {
  BIG_DATA,
  BRANCH,
  LEAF,
  LMDB_DATA_VERSION,
  LMDB_MAGIC,
  type LmdbMeta,
  LmdbPage,
  type LmdbTree,
  META,
  META_BYTES,
  NO_PAGE,
  NODE_HEADER_BYTES,
  OVERFLOW,
  OVERFLOW_REFERENCE_BYTES,
  overflowPagesOf,
  PAGE_HEADER_BYTES,
  parseMeta,
  readFully,
  u64,
} from "./lmdb-format.ts";

export interface LmdbCheckOptions {
  /** Also reads the header of each run of overflow pages, which only writing depends on. Default true. */
  readonly overflowHeads?: boolean;
}

export interface LmdbReport {
  readonly fileBytes: number;
  readonly pageSize: number;
  readonly pages: number;
  readonly freePages: number;
  readonly entries: number;
  readonly txnId: number;
}

const FREE_FLAGS = 0x4008; // integer keys; the environment's "no subdirectory" flag is kept in the same word
const MAX_DEPTH = 32;
const LARGEST_MAP: number = 2 ** 47;

/** @throws MnemeError FORMAT (no LMDB file), VERSION, CORRUPT (naming file and page), or the file system's error as it is. */
export function checkLmdbFile(path: string, options: LmdbCheckOptions = {}): LmdbReport {
  const fd = openSync(path, "r");
  try {
    return new LmdbCheck(path, fd, options.overflowHeads ?? true).run();
  } finally {
    closeSync(fd);
  }
}

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

const UNSEEN = 0;
const USED = 1;
const FREE = 2;

class LmdbCheck {
  readonly #path: string;
  readonly #fd: number;
  readonly #heads: boolean;
  readonly #fileBytes: number;
  readonly #buffers: LmdbPage[] = [];
  readonly #head = new LmdbPage(PAGE_HEADER_BYTES);
  readonly #freeLists: Uint8Array[] = [];
  #meta!: LmdbMeta;
  #pageSize = 0;
  #soundKeys = 0;
  /** A page with a key unlike ours. */
  #oddPage = 0;
  #seen!: Uint8Array;
  #counts = { branch: 0, leaf: 0, overflow: 0, entries: 0 };

  constructor(path: string, fd: number, heads: boolean) {
    this.#path = path;
    this.#fd = fd;
    this.#heads = heads;
    this.#fileBytes = fstatSync(fd).size;
  }

  run(): LmdbReport {
    this.#meta = this.#readMetas();
    this.#pageSize = this.#meta.pageSize;
    const pages = this.#meta.lastPage + 1;
    // The file may end before lastPage when the last pages are free, but never by more than it holds.
    if (pages > LARGEST_MAP / this.#pageSize || pages * this.#pageSize > 16 * this.#fileBytes + 2 ** 26)
      this.#fail(`its last page ${this.#meta.lastPage} lies far beyond its ${this.#fileBytes} bytes`);
    this.#seen = new Uint8Array(pages);
    this.#seen[0] = this.#seen[1] = USED;
    this.#checkTree(this.#meta.main, "data");
    this.#judgeKeys();
    this.#checkTree(this.#meta.free, "free list");
    const freePages = this.#checkFreeLists();
    return {
      fileBytes: this.#fileBytes,
      pageSize: this.#pageSize,
      pages,
      freePages,
      entries: this.#meta.main.entries,
      txnId: this.#meta.txnId,
    };
  }

  #fail(what: string): never {
    throw new MnemeError(
      "CORRUPT",
      `${this.#path}: damaged, ${what}; restore it from a snapshot or index again`,
      { details: { path: this.#path } },
    );
  }

  #readMetas(): LmdbMeta {
    const first = this.#readMeta(0);
    const pageSize = first?.magic === LMDB_MAGIC ? first.pageSize : 4096;
    if (pageSize < 512 || pageSize > 65_536 || (pageSize & (pageSize - 1)) !== 0)
      this.#fail(`its page size reads ${pageSize}`);
    const second = this.#readMeta(pageSize);
    if (!first || !second) {
      if (first && first.magic !== LMDB_MAGIC) this.#foreign();
      return this.#fail(`cut off at ${this.#fileBytes} bytes, inside its two meta pages`);
    }
    if (first.magic !== LMDB_MAGIC && second.magic !== LMDB_MAGIC) this.#foreign();
    if (first.version === second.version && first.version !== LMDB_DATA_VERSION)
      throw new MnemeError(
        "VERSION",
        `${this.#path}: LMDB format ${first.version}, this build reads ${LMDB_DATA_VERSION}`,
      );
    if (first.main.flags !== 0 && first.main.flags === second.main.flags) this.#foreign();
    for (const meta of [first, second]) this.#checkMeta(meta, first);
    return this.#newest(first, second);
  }

  #foreign(): never {
    throw new MnemeError("FORMAT", `${this.#path}: not a file of a Mneme library; choose another folder`, {
      details: { path: this.#path },
    });
  }

  #readMeta(at: number): LmdbMeta | undefined {
    const bytes = new Uint8Array(META_BYTES);
    return readFully(this.#fd, bytes, at) ? parseMeta(new DataView(bytes.buffer)) : undefined;
  }

  #checkMeta(meta: LmdbMeta, first: LmdbMeta): void {
    const sound =
      meta.magic === LMDB_MAGIC &&
      meta.version === LMDB_DATA_VERSION &&
      meta.pageFlags === META &&
      meta.address === 0 &&
      meta.pageSize === first.pageSize &&
      meta.free.flags === FREE_FLAGS &&
      meta.main.flags === 0 &&
      meta.main.pad === 0 &&
      meta.lastPage >= 1 &&
      meta.mapSize <= LARGEST_MAP;
    if (!sound) this.#fail("a meta page is not what was written");
  }

  /** Commit n goes to meta page n % 2, so the two differ by one: anything else is a damaged counter, hence an older state. */
  #newest(first: LmdbMeta, second: LmdbMeta): LmdbMeta {
    const fresh = first.txnId === 0 && second.txnId === 0;
    const inTurn =
      Math.abs(first.txnId - second.txnId) === 1 && first.txnId % 2 === 0 && second.txnId % 2 === 1;
    if (!fresh && !inTurn)
      this.#fail(`its meta pages are of transactions ${first.txnId} and ${second.txnId}`);
    return second.txnId > first.txnId ? second : first;
  }

  #checkTree(tree: LmdbTree, name: "data" | "free list"): void {
    this.#counts = { branch: 0, leaf: 0, overflow: 0, entries: 0 };
    if (tree.root < NO_PAGE) {
      if (tree.depth < 1 || tree.depth > MAX_DEPTH) this.#fail(`the ${name} tree is ${tree.depth} deep`);
      this.#walk(tree.root, 1, tree.depth, name === "free list", undefined, undefined);
    } else if (tree.depth !== 0) this.#fail(`the ${name} tree has no root`);
    const { branch, leaf, overflow, entries } = this.#counts;
    if (
      branch !== tree.branchPages ||
      leaf !== tree.leafPages ||
      overflow !== tree.overflowPages ||
      entries !== tree.entries
    )
      this.#fail(
        `the ${name} tree holds ${entries} entries on ${branch}+${leaf}+${overflow} pages, its meta page says ` +
          `${tree.entries} on ${tree.branchPages}+${tree.leafPages}+${tree.overflowPages}`,
      );
  }

  /** Keys of this subtree lie in [low, high). */
  #walk(
    page: number,
    level: number,
    depth: number,
    free: boolean,
    low: Uint8Array | undefined,
    high: Uint8Array | undefined,
  ): void {
    const content = this.#readPage(page, level);
    const leaf = level === depth;
    if (content.flags !== (leaf ? LEAF : BRANCH)) this.#fail(`page ${page} has flags ${content.flags}`);
    const nodes = this.#checkNodes(content, page, leaf);
    this.#checkOrder(content, page, leaf, free, low, high);
    for (let i = 0; i < nodes; i++) {
      const offset = content.nodeOffset(i);
      if (leaf) this.#checkEntry(content, offset, page, free);
      else {
        const from = i === 0 ? low : content.key(offset);
        const to = i + 1 < nodes ? content.key(content.nodeOffset(i + 1)) : high;
        this.#walk(this.#child(content, offset), level + 1, depth, free, from, to);
      }
    }
    if (leaf) this.#counts.leaf++;
    else this.#counts.branch++;
  }

  /** Keys strictly ascend within [low, high). The first of a branch page is never looked at: it stands for minus infinity. */
  #checkOrder(
    content: LmdbPage,
    page: number,
    leaf: boolean,
    free: boolean,
    low: Uint8Array | undefined,
    high: Uint8Array | undefined,
  ): void {
    const compare = free ? compareIntegers : compareBytes;
    let before = low;
    for (let i = leaf ? 0 : 1; 2 * i < content.lower; i++) {
      const key = content.key(content.nodeOffset(i));
      this.#checkKey(key, page, free);
      if (before && compare(before, key) > (leaf && i === 0 ? 0 : -1))
        this.#fail(`page ${page} has keys out of order`);
      before = key;
    }
    if (before && high && compare(before, high) >= 0) this.#fail(`page ${page} has a key of its neighbour`);
  }

  #child(content: LmdbPage, offset: number): number {
    return content.nodeLow(offset) + content.nodeHigh(offset) * 2 ** 32;
  }

  /** One buffer a level: a parent's keys stay valid while its children are read. */
  #readPage(page: number, level: number): LmdbPage {
    this.#claim(page, 1);
    this.#buffers[level] ??= new LmdbPage(this.#pageSize);
    const content = this.#buffers[level];
    if (!readFully(this.#fd, content.bytes, page * this.#pageSize)) this.#fail(`cut off before page ${page}`);
    if (content.number !== page) this.#fail(`page ${page} says that it is page ${content.number}`);
    if (content.txnId > this.#meta.txnId)
      this.#fail(`page ${page} is of transaction ${content.txnId}, later than the last`);
    return content;
  }

  #claim(page: number, count: number): void {
    if (page < 2 || count < 1 || page + count > this.#seen.length)
      this.#fail(`a reference to pages ${page} + ${count} of ${this.#seen.length}`);
    if ((page + count) * this.#pageSize > this.#fileBytes)
      this.#fail(`cut off at ${this.#fileBytes} bytes, page ${page + count - 1} is missing`);
    for (let i = page; i < page + count; i++) {
      if (this.#seen[i] !== UNSEEN) this.#fail(`page ${i} is used twice`);
      this.#seen[i] = USED;
    }
  }

  /** Node offsets and sizes; the nodes must fill the page's upper part exactly. @returns their number. */
  #checkNodes(content: LmdbPage, page: number, leaf: boolean): number {
    const { lower, upper } = content;
    const room = this.#pageSize - PAGE_HEADER_BYTES;
    if (lower % 2 !== 0 || lower > upper || upper > room)
      this.#fail(`page ${page} has bounds ${lower} and ${upper}`);
    const nodes = lower / 2;
    if (nodes < (leaf ? 1 : 2)) this.#fail(`page ${page} holds ${nodes} nodes`);
    let total = 0;
    for (let i = 0; i < nodes; i++) {
      const offset = content.nodeOffset(i);
      if (offset < upper || offset % 2 !== 0 || offset + NODE_HEADER_BYTES > room)
        this.#fail(`page ${page} has a node at ${offset}`);
      const size = nodeBytes(content, offset, leaf);
      if (offset + size > room) this.#fail(`page ${page} has a node of ${size} bytes at ${offset}`);
      total += size + (size & 1);
    }
    if (total !== room - upper) this.#fail(`page ${page} has nodes of ${total} bytes in ${room - upper}`);
    return nodes;
  }

  #checkKey(key: Uint8Array, page: number, free: boolean): void {
    if (free) {
      const id = key.length === 8 ? integerKey(key) : 0;
      if (id < 1 || id > this.#meta.txnId) this.#fail(`page ${page} frees pages of transaction ${id}`);
    } else if (keyIsSound(key)) this.#soundKeys++;
    else this.#oddPage = page;
  }

  /** Another program's LMDB file has no key like ours; a damaged one of ours has most of them. */
  #judgeKeys(): void {
    if (this.#oddPage === 0) return;
    if (this.#soundKeys === 0) this.#foreign();
    this.#fail(`page ${this.#oddPage} has a key that does not match its checksum`);
  }

  #checkEntry(content: LmdbPage, offset: number, page: number, free: boolean): void {
    this.#counts.entries++;
    const flags = content.nodeHigh(offset);
    const bytes = content.nodeLow(offset);
    if ((flags & ~BIG_DATA) !== 0 && this.#soundKeys === 0) this.#foreign();
    if ((flags & ~BIG_DATA) !== 0) this.#fail(`page ${page} has an entry with flags ${flags}`);
    const at = PAGE_HEADER_BYTES + offset + NODE_HEADER_BYTES + content.keyBytes(offset);
    if (flags & BIG_DATA) this.#checkOverflow(content.view, at, bytes, page, free);
    else if (free) this.#freeLists.push(content.bytes.slice(at, at + bytes));
  }

  #checkOverflow(view: DataView, at: number, bytes: number, page: number, free: boolean): void {
    const first = u64(view, at);
    const txnId = u64(view, at + 8);
    const pages = u64(view, at + 16);
    // More pages than it needs when one transaction wrote the key twice, the second time shorter.
    if (pages < overflowPagesOf(bytes, this.#pageSize) || txnId > this.#meta.txnId)
      this.#fail(`page ${page} has a value of ${bytes} bytes on ${pages} pages`);
    this.#claim(first, pages);
    this.#counts.overflow += pages;
    if (this.#heads || free) this.#checkOverflowHead(first, pages);
    if (!free) return;
    const list = new Uint8Array(bytes);
    readFully(this.#fd, list, first * this.#pageSize + PAGE_HEADER_BYTES);
    this.#freeLists.push(list);
  }

  #checkOverflowHead(first: number, pages: number): void {
    readFully(this.#fd, this.#head.bytes, first * this.#pageSize);
    const { number, txnId, flags, overflowPages } = this.#head;
    if (number !== first || flags !== OVERFLOW || overflowPages !== pages || txnId > this.#meta.txnId)
      this.#fail(`page ${first}, the first of a value, has a damaged header`);
  }

  /** Each list: a count, then page numbers; -n before one makes it a run of n pages; zeros are empty slots. @returns pages. */
  #checkFreeLists(): number {
    let freed = 0;
    for (const list of this.#freeLists) {
      const view = new DataView(list.buffer, list.byteOffset, list.length);
      const count = list.length >= 8 && list.length % 8 === 0 ? u64(view, 0) : -1;
      if (count < 0 || count >= list.length / 8) this.#fail("a list of free pages has a wrong length");
      for (let i = 1; i <= count; i++) {
        let run = 1;
        if (view.getInt32(8 * i + 4, true) < 0) {
          run = -Number(view.getBigInt64(8 * i, true));
          if (++i > count) this.#fail("a list of free pages ends within a run");
        }
        const page = u64(view, 8 * i);
        if (page !== 0 || run > 1) freed += this.#free(page, run);
      }
    }
    return freed;
  }

  #free(page: number, run: number): number {
    if (page < 2 || page + run > this.#seen.length) this.#fail(`its free list holds pages ${page} + ${run}`);
    for (let i = page; i < page + run; i++) {
      if (this.#seen[i] !== UNSEEN) this.#fail(`page ${i} is free and in use`);
      this.#seen[i] = FREE;
    }
    return run;
  }
}

function nodeBytes(content: LmdbPage, offset: number, leaf: boolean): number {
  const size = NODE_HEADER_BYTES + content.keyBytes(offset);
  if (!leaf) return size;
  const big = content.nodeHigh(offset) & BIG_DATA;
  return size + (big ? OVERFLOW_REFERENCE_BYTES : content.nodeLow(offset));
}

function integerKey(key: Uint8Array): number {
  return u64(new DataView(key.buffer, key.byteOffset, 8), 0);
}

function compareIntegers(a: Uint8Array, b: Uint8Array): number {
  return integerKey(a) - integerKey(b);
}
