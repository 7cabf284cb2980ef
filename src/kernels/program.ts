/** Programs: what a transformer's step does, stage by stage, described in kernel memory and run by all threads of a pool together. */
import { MnemeError } from "../errors.ts";
import type { Region } from "./arena.ts";
import type { Pool } from "./pool.ts";
import type { WasmFace } from "./wasm.ts";

/** As the kernels number them (wasm/assembly/program.ts). */
const KINDS = [
  "norm",
  "linearI8",
  "linearU4",
  "linearB16",
  "append",
  "attend",
  "merge",
  "gate",
  "keep",
  "weigh",
  "pick",
  "add",
  "cap",
] as const;
export type StageKind = (typeof KINDS)[number];

/** Slots of a page of a cache, as the kernels know them. */
export const PAGE_SLOTS = 64;
/** Bytes of the state of one query: its largest score, its sum of weights, scales of its codes, `dim` sums of values, its codes. */
export const stateBytes = (dim: number): number => 16 + dim * 6;

/** Bytes of a page of fewer bits than 8 once it is expanded, and of three queries' own codes for it. */
export const expandedBytes = (dim: number): number =>
  2 * PAGE_SLOTS * (dim + 4) + 18 * dim + 4 * Math.max(dim, PAGE_SLOTS);
/** Bytes of a page of halves once it is expanded. */
export const widenedBytes = (dim: number): number => 2 * PAGE_SLOTS * dim * 4;

/** More queries than this take pages by eights (wasm/assembly/program.ts). */
export const FEW_QUERIES = 4;
/** The same behind histories where products of bytes do. */
export const BYTE_QUERIES = 8;
const EIGHT = 8;

/** Bytes of what so many queries by eights work in (wasm/assembly/eight.ts, panel.ts): scores and sums of a block, all blocks, a page made ready. */
function blocksRoom(dim: number, queries: number, expanded: number): number {
  const block = PAGE_SLOTS * 48 + dim * 48 + 160;
  const panel = PAGE_SLOTS * (8 * dim + 16) + expanded;
  return block + Math.ceil(queries / EIGHT) * (128 + 80 * dim) + panel;
}

/** Bytes that a thread works in for attention of so many queries, or fewer: scores, codes and sums of four (wasm/assembly/attend-bytes.ts), or blocks. @param expanded bytes in which a page is expanded */
export function attentionRoom(dim: number, queries: number, expanded: number): number {
  const alone = 4 * (PAGE_SLOTS * 5 + 8 * Math.max(dim, PAGE_SLOTS)) + expanded;
  return queries > FEW_QUERIES ? Math.max(alone, blocksRoom(dim, queries, expanded)) : alone;
}

/** Bytes that rooms for some threads take, with a lock for each of them. */
export const roomsBytes = (threads: number, room: number): number =>
  Math.ceil(threads / 4) * 16 + threads * room;

/** Bytes that weights of so many queries of a tile are computed in. @param slots of whole pages. @param expanded bytes in which a page is expanded */
export function weighRoom(dim: number, queries: number, slots: number, expanded: number): number {
  const alone = stateBytes(dim) + expanded + slots * 4;
  return queries > FEW_QUERIES ? Math.max(alone, blocksRoom(dim, queries, expanded)) : alone;
}

/** Words of what is known of a row, and of a tile of rows (wasm/assembly/program.ts). */
export const ROW_WORDS = 5;
export const TILE_WORDS = 4;

/** How products take their rounded inputs: codes of 16 bits; codes of 8 bits in 16; those as bytes, with relaxed SIMD and 4-bit weights. */
export const FORMS = { wide: 0, blocks: 1, bytes: 2 } as const;
export type Form = (typeof FORMS)[keyof typeof FORMS];

const STAGE_WORDS = 32;
const HEADER_WORDS = 4;

/** Where a stage's arguments stand, to be set before a run. */
export class Stage {
  readonly #room: Region;
  readonly #at: number;

  constructor(room: Region, number: number) {
    this.#room = room;
    this.#at = number * STAGE_WORDS;
  }

  /** Tasks that the stage is cut into. */
  set tasks(count: number) {
    this.#room.u32()[this.#at + 1] = count;
  }

  set(argument: number, value: number): void {
    this.#room.u32()[this.#at + HEADER_WORDS + argument] = value;
  }

  setReal(argument: number, value: number): void {
    this.#room.f32()[this.#at + HEADER_WORDS + argument] = value;
  }
}

export class Program implements Disposable {
  readonly #face: WasmFace;
  readonly #room: Region;
  readonly #most: number;
  #count = 0;

  /** @param most stages */
  constructor(face: WasmFace, most: number) {
    this.#face = face;
    this.#most = most;
    this.#room = face.arena.alloc(most * STAGE_WORDS * 4);
    this.#room.u32().fill(0);
  }

  get bytes(): number {
    return this.#room.byteLength;
  }

  /** @param args in the order of the kernel; set others later. */
  add(kind: StageKind, args: readonly number[] = []): Stage {
    if (this.#count === this.#most)
      throw new MnemeError("INTERNAL", `program: more than the ${this.#most} stages it was made for`);
    const number = this.#count++;
    this.#room.u32()[number * STAGE_WORDS] = KINDS.indexOf(kind);
    const stage = new Stage(this.#room, number);
    args.forEach((value, i) => {
      stage.set(i, value);
    });
    return stage;
  }

  /** Stages so far. */
  get stages(): number {
    return this.#count;
  }

  /** Runs all stages, or those from `first` to before `end`; returns when they are done. @throws MnemeError INTERNAL */
  run(pool: Pool | undefined, first = 0, end: number = this.#count): void {
    if (first >= end) return;
    const words = this.#room.u32();
    for (let at = first * STAGE_WORDS + 2; at < end * STAGE_WORDS; at += STAGE_WORDS) {
      words[at] = 0;
      words[at + 1] = 0;
    }
    const args = [this.#room.pointer + first * STAGE_WORDS * 4, end - first];
    const fork = pool?.fork([
      { kernel: "runProgram", count: pool.threads, args: [...args, 0], countAt: 2, steps: [0, 0, 0] },
    ]);
    if (!fork) {
      this.#face.instance.exports.runProgram(...args);
      return;
    }
    if (!fork.join())
      throw new MnemeError("INTERNAL", "program: a stage failed; are its pointers inside the arena?");
  }

  [Symbol.dispose](): void {
    this.#room[Symbol.dispose]();
  }
}
