/**
 * PageCache: pages of segment parts under the library's Budget. Second chance by a hand that goes round (Corbato, A Paging Experiment with
 * the Multics System, 1968): a page read since the hand last passed stays for another round, so that a hit costs a look at an array and no
 * reordering. Pages lie in frames that are used again: memory that comes and goes with every page would have the collector look through
 * the whole heap each hundred searches.
 */
import type { Budget, Claim } from "../storage/budget.ts";

/** A frame, its place in the ring and in the array of its part, and its views. */
const OVERHEAD_BYTES = 320;
/** Frames are of whole multiples, so that pages of nearly one length share them. */
const GRAIN_BYTES = 1024;
/** Empty frames of one size that wait for the next page of it, while pages of other sizes come. */
const WAITING_FRAMES = 16;
/** What the cache may grow by where others once made it shrink, of the bytes that it puts there in the place of others. */
const REGROWTH = 1 / 256;
/** With this share of the budget free it grows as if nobody had. */
const ROOMY = 1 / 4;

/**
 * Shared memory is not counted against V8's heap: what a library holds for as long as it is open would otherwise have the collector look
 * through the whole heap whenever a few megabytes of it came anew.
 */
const roomFor = (bytes: number): ArrayBufferLike =>
  typeof SharedArrayBuffer === "undefined" ? new ArrayBuffer(bytes) : new SharedArrayBuffer(bytes);

/** Room for one page. */
interface Frame {
  readonly capacity: number;
  /** None while it is empty. */
  part: CachedPart | undefined;
  page: number;
  /** Read since the hand last passed. */
  isUsed: boolean;
  /** The page. */
  bytes: Uint8Array;
  /** The page for copying in words; made when it is asked for so. */
  words: Uint32Array | undefined;
}

/** The cached pages of one part of one segment. What they hand out is borrowed: valid until the next page is put into the cache. */
export class CachedPart {
  readonly #cache: PageCache;
  readonly #frames: (Frame | undefined)[] = [];

  constructor(cache: PageCache) {
    this.#cache = cache;
  }

  /** The page, or as much of its beginning as was put. */
  get(page: number): Uint8Array | undefined {
    const frame = this.#frames[page];
    if (!frame) return undefined;
    frame.isUsed = true;
    return frame.bytes;
  }

  /** The page as words, those after its end unspecified; undefined when it is not in the cache. */
  words(page: number): Uint32Array | undefined {
    const frame = this.#frames[page];
    if (!frame) return undefined;
    frame.isUsed = true;
    frame.words ??= new Uint32Array(frame.bytes.buffer);
    return frame.words;
  }

  /** Keeps a copy of a page, or of its beginning, unless a page is larger than the cache. @param whole bytes of the page */
  put(page: number, bytes: Uint8Array, whole: number = bytes.byteLength): void {
    const known = this.#frames[page];
    if (known && known.bytes.byteLength >= bytes.byteLength) return;
    const frame = known ?? this.#cache.frameFor(whole, this, page);
    if (!frame) return;
    if (frame.bytes.byteLength !== bytes.byteLength)
      frame.bytes = new Uint8Array(frame.bytes.buffer, 0, bytes.byteLength);
    frame.bytes.set(bytes);
    this.#frames[page] = frame;
    this.#cache.settle();
  }

  /** Called by the cache: the page's frame is wanted. */
  forget(page: number): void {
    this.#frames[page] = undefined;
  }
}

export class PageCache implements Disposable {
  readonly #budget: Budget;
  readonly #limitBytes: number;
  readonly #claim: Claim;
  /** Frames with pages; the hand goes round. */
  readonly #ring: Frame[] = [];
  #hand = 0;
  /** Frames without, by their capacity. */
  readonly #waiting = new Map<number, Frame[]>();
  /** Of all frames. */
  #bytes = 0;
  /**
   * What others last left the cache. Beyond that it grows slowly: they come back for their room, and frames that are let go are memory in use
   * until the collector looks through the whole heap.
   */
  #ceilingBytes = Number.POSITIVE_INFINITY;

  constructor(budget: Budget, limitBytes: number) {
    this.#budget = budget;
    this.#limitBytes = limitBytes;
    this.#claim = budget.claim("page cache", { shrink: (bytes) => this.#shrink(bytes) });
  }

  get bytes(): number {
    return this.#bytes;
  }

  part(): CachedPart {
    return new CachedPart(this);
  }

  /** Called by a part: a frame in the ring for a page of `length` bytes; undefined where the cache is smaller. */
  frameFor(length: number, part: CachedPart, page: number): Frame | undefined {
    const capacity = Math.max(1, Math.ceil(length / GRAIN_BYTES)) * GRAIN_BYTES;
    if (capacity + OVERHEAD_BYTES > this.#limitBytes) return undefined;
    const frame = this.#waiting.get(capacity)?.pop() ?? this.#evictFor(capacity) ?? this.#add(capacity);
    frame.part = part;
    frame.page = page;
    frame.isUsed = false;
    if (frame.bytes.byteLength !== length) frame.bytes = new Uint8Array(frame.bytes.buffer, 0, length);
    this.#insert(frame);
    return frame;
  }

  /** Called by a part when the page is in: the others may be asked to make room. */
  settle(): void {
    if (this.#claim.bytes !== this.#bytes) this.#claim.resize(this.#bytes);
  }

  [Symbol.dispose](): void {
    this.#shrink(this.#bytes);
    this.#claim[Symbol.dispose]();
  }

  #add(capacity: number): Frame {
    this.#bytes += capacity + OVERHEAD_BYTES;
    const bytes = new Uint8Array(roomFor(capacity));
    return { capacity, part: undefined, page: 0, isUsed: false, bytes, words: undefined };
  }

  /** Where the hand has just been, so that it comes last; the one that lay there goes to the end. */
  #insert(frame: Frame): void {
    const moved = this.#ring[this.#hand];
    if (moved) this.#ring.push(moved);
    this.#ring[this.#hand++] = frame;
  }

  /** Makes room for a frame. @returns one of this capacity that became empty, if one did */
  #evictFor(capacity: number): Frame | undefined {
    const { limitBytes, usedBytes } = this.#budget;
    if (limitBytes - usedBytes > ROOMY * limitBytes) this.#ceilingBytes = Number.POSITIVE_INFINITY;
    while (this.#bytes + capacity + OVERHEAD_BYTES > Math.min(this.#limitBytes, this.#ceilingBytes)) {
      this.#ceilingBytes += capacity * REGROWTH;
      const frame = this.#evict(false);
      if (!frame) {
        this.#dropWaiting();
        return undefined;
      }
      if (frame.capacity === capacity) return frame;
      this.#keepWaiting(frame);
    }
    return undefined;
  }

  #keepWaiting(frame: Frame): void {
    const waiting = this.#waiting.get(frame.capacity) ?? [];
    this.#waiting.set(frame.capacity, waiting);
    if (waiting.length < WAITING_FRAMES) waiting.push(frame);
    else this.#bytes -= frame.capacity + OVERHEAD_BYTES;
  }

  #dropWaiting(): void {
    for (const [capacity, frames] of this.#waiting)
      this.#bytes -= frames.length * (capacity + OVERHEAD_BYTES);
    this.#waiting.clear();
  }

  /** Takes a page out of its frame and the frame out of the ring. @param force whether or not the page was used */
  #evict(force: boolean): Frame | undefined {
    const ring = this.#ring;
    while (ring.length > 0) {
      if (this.#hand >= ring.length) this.#hand = 0;
      const frame = ring[this.#hand]!;
      if (frame.isUsed && !force) {
        frame.isUsed = false;
        this.#hand++;
        continue;
      }
      const last = ring.pop()!;
      if (last !== frame) ring[this.#hand] = last;
      frame.part?.forget(frame.page);
      frame.part = undefined;
      return frame;
    }
    return undefined;
  }

  #shrink(bytes: number): number {
    const before = this.#bytes;
    this.#dropWaiting();
    const force = bytes >= before;
    while (before - this.#bytes < bytes) {
      const frame = this.#evict(force);
      if (!frame) break;
      this.#bytes -= frame.capacity + OVERHEAD_BYTES;
    }
    this.#ceilingBytes = this.#bytes;
    this.#claim.resize(this.#bytes);
    return before - this.#bytes;
  }
}
