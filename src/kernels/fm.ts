/** Kernels of the FM-index: a WebAssembly module with a memory of its own, handed out from the bottom up and given back from the top. */
import { MnemeError } from "../errors.ts";
import { wasmBase64 } from "./wasm/generated/fm.ts";

export const FM_KERNEL_NAMES = [
  "makeTables",
  "makeLengths",
  "encodeRows",
  "accessInBlock",
  "decodeRows",
  "endsInBlock",
  "rankInBlock",
  "beginBuckets",
  "beginDocuments",
  "beginOrder",
  "beginWalk",
  "buildRanks",
  "countBytes",
  "countMarks",
  "linkRows",
  "makeRun",
  "markDocument",
  "markMerged",
  "mergeEnds",
  "mergeSamples",
  "mergeText",
  "orderPlaced",
  "placeDocument",
  "branch",
  "follow",
  "locateStep",
  "narrow",
  "sortMoved",
  "sortSuffixes",
  "spreadPlaced",
  "walkDocuments",
] as const;

/** Pointers and counts are numbers, as in wasm/assembly/fm. */
export type FmKernels = Record<(typeof FM_KERNEL_NAMES)[number], (...args: number[]) => number>;

const PAGE = 65_536;
/** Constants of the kernels lie below (scripts/build-kernels.mjs). */
const FIRST = 2048;
/** Of the tables of enumerative codes (wasm/assembly/fm/enumerate.ts). */
const TABLE_BYTES = 317_760;
/** Of the table of run lengths (wasm/assembly/fm/run-lengths.ts). */
const LENGTHS_BYTES = 8192;
/** Of what encoding or decoding a block works in (wasm/assembly/fm/encode-block.ts). */
export const FM_SCRATCH_BYTES = 216_576;
/** Rows of a block. */
export const FM_BLOCK_ROWS = 65_536;
/** Bytes of a memory at most. */
export const FM_MOST_BYTES = 65_536 * PAGE;
/** Bytes that kernels may touch past an array. */
const SLACK = 64;

let compiled: WebAssembly.Module | undefined;

export class FmMemory {
  readonly kernels: FmKernels;
  readonly #memory: WebAssembly.Memory;
  #top = FIRST;
  #words: Uint32Array;

  constructor() {
    compiled ??= new WebAssembly.Module(Uint8Array.from(atob(wasmBase64), (char) => char.charCodeAt(0)));
    this.#memory = new WebAssembly.Memory({ initial: 16, maximum: FM_MOST_BYTES / PAGE });
    this.#words = new Uint32Array(this.#memory.buffer);
    const env = {
      memory: this.#memory,
      abort: (): never => {
        throw new MnemeError("INTERNAL", "fm kernels: aborted");
      },
    };
    this.kernels = new WebAssembly.Instance(compiled, { env }).exports as unknown as FmKernels;
    this.kernels.makeTables(this.alloc(TABLE_BYTES));
    this.kernels.makeLengths(this.alloc(LENGTHS_BYTES));
  }

  /** Bytes of the memory now; it never shrinks. */
  get bytes(): number {
    return this.#memory.buffer.byteLength;
  }

  /** First byte that is not handed out. */
  get top(): number {
    return this.#top;
  }

  /** Room of so many bytes, 64-byte aligned, contents undefined. @throws MnemeError BUDGET beyond 4 GiB */
  alloc(bytes: number): number {
    const at = Math.ceil(this.#top / 64) * 64;
    const end = at + bytes + SLACK;
    const pages = Math.ceil((end - this.bytes) / PAGE);
    if (pages > 0) this.#grow(pages, bytes);
    this.#top = end;
    return at;
  }

  /** Gives back everything from `top` on. */
  release(top: number): void {
    this.#top = top;
  }

  /** A view that is valid until the next `alloc`. */
  u8(at: number, length: number): Uint8Array {
    return new Uint8Array(this.#memory.buffer, at, length);
  }

  /** All of the memory, valid until the next `alloc`. */
  get words(): Uint32Array {
    if (this.#words.buffer !== this.#memory.buffer) this.#words = new Uint32Array(this.#memory.buffer);
    return this.#words;
  }

  u16(at: number, length: number): Uint16Array {
    return new Uint16Array(this.#memory.buffer, at, length);
  }

  u32(at: number, length: number): Uint32Array {
    return new Uint32Array(this.#memory.buffer, at, length);
  }

  #grow(pages: number, bytes: number): void {
    try {
      this.#memory.grow(pages);
    } catch (cause) {
      throw new MnemeError(
        "BUDGET",
        `fm kernels: ${bytes} more bytes do not fit beside ${this.bytes}; use smaller shards or blocks`,
        { cause },
      );
    }
  }
}
