/**
 * Structural check of an LMDB data file before LMDB maps it. LMDB trusts its pages: a damaged page number, offset or size makes
 * it read or write outside the map and takes the process down. This walk reads each branch and leaf page and the list of free
 * pages, and lets through only a file in which every reference stays inside its page and inside the file, no page is used
 * twice or free while used, the counters agree, and each key matches its own checksum. The bytes of values are not read: they
 * carry checksums that reads verify.
 */
import { compareBytes, keyIsSound } from "./key.ts";
import { LARGEST_MAP, LmdbFile, newestMeta } from "./lmdb-file.ts";
import {
  BIG_DATA,
  BRANCH,
  LEAF,
  type LmdbMeta,
  LmdbPage,
  type LmdbTree,
  NO_PAGE,
  NODE_HEADER_BYTES,
  OVERFLOW,
  OVERFLOW_REFERENCE_BYTES,
  overflowPagesOf,
  PAGE_HEADER_BYTES,
  u64,
} from "./lmdb-format.ts";
import { checkFreeLists, PageMap } from "./lmdb-page-map.ts";

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

const MAX_DEPTH = 32;

/** @throws MnemeError FORMAT (no LMDB file), VERSION, CORRUPT (naming file and page), or the file system's error as it is. */
export function checkLmdbFile(path: string, options: LmdbCheckOptions = {}): LmdbReport {
  const file = new LmdbFile(path);
  try {
    return new LmdbCheck(file, options.overflowHeads ?? true).run();
  } finally {
    file.close();
  }
}

class LmdbCheck {
  readonly #file: LmdbFile;
  readonly #heads: boolean;
  readonly #meta: LmdbMeta;
  readonly #pageSize: number;
  readonly #pages: number;
  readonly #map: PageMap;
  readonly #buffers: LmdbPage[] = [];
  readonly #head = new LmdbPage(PAGE_HEADER_BYTES);
  readonly #freeLists: Uint8Array[] = [];
  #soundKeys = 0;
  /** A page with a key unlike ours. */
  #oddPage = 0;
  #counts = { branch: 0, leaf: 0, overflow: 0, entries: 0 };

  constructor(file: LmdbFile, heads: boolean) {
    this.#file = file;
    this.#heads = heads;
    this.#meta = newestMeta(file);
    this.#pageSize = this.#meta.pageSize;
    this.#pages = this.#meta.lastPage + 1;
    // The file may end before its last page where that is free, but not by this much.
    if (this.#pages > Math.min(LARGEST_MAP, 16 * file.bytes + 2 ** 26) / this.#pageSize)
      file.fail(`its last page ${this.#meta.lastPage} lies far beyond its ${file.bytes} bytes`);
    this.#map = new PageMap(file, this.#pages, this.#pageSize);
  }

  run(): LmdbReport {
    this.#checkTree(this.#meta.main, "data");
    this.#judgeKeys();
    this.#checkTree(this.#meta.free, "free list");
    return {
      fileBytes: this.#file.bytes,
      pageSize: this.#pageSize,
      pages: this.#pages,
      freePages: checkFreeLists(this.#file, this.#map, this.#freeLists),
      entries: this.#meta.main.entries,
      txnId: this.#meta.txnId,
    };
  }

  #checkTree(tree: LmdbTree, name: "data" | "free list"): void {
    this.#counts = { branch: 0, leaf: 0, overflow: 0, entries: 0 };
    if (tree.root < NO_PAGE) {
      if (tree.depth < 1 || tree.depth > MAX_DEPTH) this.#file.fail(`the ${name} tree is ${tree.depth} deep`);
      this.#walk(tree.root, 1, tree.depth, name === "free list", undefined, undefined);
    } else if (tree.depth !== 0) this.#file.fail(`the ${name} tree has no root`);
    const { branch, leaf, overflow, entries } = this.#counts;
    if (
      branch !== tree.branchPages ||
      leaf !== tree.leafPages ||
      overflow !== tree.overflowPages ||
      entries !== tree.entries
    )
      this.#file.fail(
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
    if (content.flags !== (leaf ? LEAF : BRANCH)) this.#file.fail(`page ${page} has flags ${content.flags}`);
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
        this.#file.fail(`page ${page} has keys out of order`);
      before = key;
    }
    if (before && high && compare(before, high) >= 0)
      this.#file.fail(`page ${page} has a key of its neighbour`);
  }

  #child(content: LmdbPage, offset: number): number {
    return content.nodeLow(offset) + content.nodeHigh(offset) * 2 ** 32;
  }

  /** One buffer a level: a parent's keys stay valid while its children are read. */
  #readPage(page: number, level: number): LmdbPage {
    this.#map.use(page, 1);
    this.#buffers[level] ??= new LmdbPage(this.#pageSize);
    const content = this.#buffers[level];
    if (!this.#file.read(content.bytes, page * this.#pageSize))
      this.#file.fail(`cut off before page ${page}`);
    if (content.number !== page) this.#file.fail(`page ${page} says that it is page ${content.number}`);
    if (content.txnId > this.#meta.txnId)
      this.#file.fail(`page ${page} is of transaction ${content.txnId}, later than the last`);
    return content;
  }

  /** Node offsets and sizes; the nodes must fill the page's upper part exactly. @returns their number. */
  #checkNodes(content: LmdbPage, page: number, leaf: boolean): number {
    const { lower, upper } = content;
    const room = this.#pageSize - PAGE_HEADER_BYTES;
    if (lower % 2 !== 0 || lower > upper || upper > room)
      this.#file.fail(`page ${page} has bounds ${lower} and ${upper}`);
    const nodes = lower / 2;
    if (nodes < (leaf ? 1 : 2)) this.#file.fail(`page ${page} holds ${nodes} nodes`);
    let total = 0;
    for (let i = 0; i < nodes; i++) {
      const offset = content.nodeOffset(i);
      if (offset < upper || offset % 2 !== 0 || offset + NODE_HEADER_BYTES > room)
        this.#file.fail(`page ${page} has a node at ${offset}`);
      const size = nodeBytes(content, offset, leaf);
      if (offset + size > room) this.#file.fail(`page ${page} has a node of ${size} bytes at ${offset}`);
      total += size + (size & 1);
    }
    if (total !== room - upper)
      this.#file.fail(`page ${page} has nodes of ${total} bytes in ${room - upper}`);
    return nodes;
  }

  #checkKey(key: Uint8Array, page: number, free: boolean): void {
    if (free) {
      const id = key.length === 8 ? integerKey(key) : 0;
      if (id < 1 || id > this.#meta.txnId) this.#file.fail(`page ${page} frees pages of transaction ${id}`);
    } else if (keyIsSound(key)) this.#soundKeys++;
    else this.#oddPage = page;
  }

  /** Another program's LMDB file has no key like ours; a damaged one of ours has most of them. */
  #judgeKeys(): void {
    if (this.#oddPage === 0) return;
    if (this.#soundKeys === 0) this.#file.foreign();
    this.#file.fail(`page ${this.#oddPage} has a key that does not match its checksum`);
  }

  #checkEntry(content: LmdbPage, offset: number, page: number, free: boolean): void {
    this.#counts.entries++;
    const flags = content.nodeHigh(offset);
    const bytes = content.nodeLow(offset);
    if ((flags & ~BIG_DATA) !== 0 && this.#soundKeys === 0) this.#file.foreign();
    if ((flags & ~BIG_DATA) !== 0) this.#file.fail(`page ${page} has an entry with flags ${flags}`);
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
      this.#file.fail(`page ${page} has a value of ${bytes} bytes on ${pages} pages`);
    this.#map.use(first, pages);
    this.#counts.overflow += pages;
    if (this.#heads || free) this.#checkOverflowHead(first, pages);
    if (!free) return;
    const list = new Uint8Array(bytes);
    this.#file.read(list, first * this.#pageSize + PAGE_HEADER_BYTES);
    this.#freeLists.push(list);
  }

  #checkOverflowHead(first: number, pages: number): void {
    this.#file.read(this.#head.bytes, first * this.#pageSize);
    const { number, txnId, flags, overflowPages } = this.#head;
    if (number !== first || flags !== OVERFLOW || overflowPages !== pages || txnId > this.#meta.txnId)
      this.#file.fail(`page ${first}, the first of a value, has a damaged header`);
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
