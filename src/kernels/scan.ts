/** Scans: calls of kernels over rows, or blocks of rows, that threads may cut into tasks and share. Described in shared memory. */
import type { LevelQuery, OneBitQuery, TableQuery } from "./face.ts";
import { KERNEL_NAMES, type KernelName, type WasmKernels } from "./module.ts";

/** One kernel over `count` units. All arrays in the arena. */
export interface Scan {
  readonly kernel: KernelName;
  readonly count: number;
  /** As the kernel takes them for all units. */
  readonly args: readonly number[];
  /** Which argument is the count. */
  readonly countAt: number;
  /** How much each argument grows from one unit to the next. */
  readonly steps: readonly number[];
  /** A table that the kernel reads, outside the arena, and which argument points to it. */
  readonly table?: { readonly at: number; readonly bytes: Uint8Array };
}

/** A kernel over rows: arguments (query, rows, count, ...rest, out). */
export interface RowScan {
  readonly kernel: "dotF32" | "l2F32" | "dotI8" | "l2I8" | "dotF32I8" | "dotF32U4" | "hamming" | "binaryDot4";
  readonly query: number;
  readonly rows: number;
  readonly count: number;
  readonly stride: number;
  readonly rest: readonly number[];
  /** Pointer to `count` 4-byte results. */
  readonly out: number;
}

export function rowScan({ kernel, query, rows, count, stride, rest, out }: RowScan): Scan {
  return {
    kernel,
    count,
    args: [query, rows, count, ...rest, out],
    countAt: 2,
    steps: [0, stride, 0, ...rest.map(() => 0), 4],
  };
}

const METRICS = ["dot", "cosine", "l2"] as const;

/** A metric as the kernels know it. */
export const metricCode = (metric: OneBitQuery["metric"]): number => METRICS.indexOf(metric);

const BLOCK_ROWS = 32;

/** `scanOneBit` of the face, over blocks and scores that lie in the arena. */
export function oneBitScan(
  { step, low, half, square, metric }: OneBitQuery,
  lut: Uint8Array,
  blocks: Uint8Array,
  out: Float32Array,
): Scan {
  const count = out.length / BLOCK_ROWS;
  return {
    kernel: "scanOneBit",
    count,
    args: [
      blocks.byteOffset,
      count,
      lut.length / 16,
      0,
      step,
      low,
      half,
      square,
      metricCode(metric),
      out.byteOffset,
    ],
    countAt: 1,
    steps: [blocks.length / count, 0, 0, 0, 0, 0, 0, 0, 0, BLOCK_ROWS * 4],
    table: { at: 3, bytes: lut },
  };
}

/** `scanTables` or `scanScaledTables` of the face, over blocks and scores that lie in the arena. */
export function tableScan(
  query: TableQuery,
  lut: Uint8Array,
  blocks: Uint8Array,
  out: Float32Array,
  kernel: "scanTables" | "scanScaledTables" = "scanTables",
): Scan {
  const { step, low, square, metric } = query;
  const count = out.length / BLOCK_ROWS;
  const groups = lut.length / 16;
  return {
    kernel,
    count,
    args: [blocks.byteOffset, count, groups, 0, step, low, square, metricCode(metric), out.byteOffset],
    countAt: 1,
    steps: [blocks.length / count, 0, 0, 0, 0, 0, 0, 0, BLOCK_ROWS * 4],
    table: { at: 3, bytes: lut },
  };
}

/** `scanLevels` of the face, over blocks and scores that lie in the arena. */
export function levelScan(query: LevelQuery, lut: Uint8Array, blocks: Uint8Array, out: Float32Array): Scan {
  const { step, low, shift, wide } = query;
  const count = out.length / BLOCK_ROWS;
  const groups = lut.length / 16;
  return {
    kernel: "scanLevels",
    count,
    args: [blocks.byteOffset, count, groups, 0, step, low, shift, Number(wide), out.byteOffset],
    countAt: 1,
    steps: [blocks.length / count, 0, 0, 0, 0, 0, 0, 0, BLOCK_ROWS * 4],
    table: { at: 3, bytes: lut },
  };
}

/** A description: kernel, arguments, which is the count, first task, units a task, units; then arguments; then their steps. */
const HEADER = 6;
const MAX_ARGS = 13;
const WORDS = HEADER + 2 * MAX_ARGS;
const SCAN_BYTES = WORDS * 8;

/** Descriptions of scans in shared memory, from its beginning, and the tables that they bring, from its end. */
export class ScanList {
  readonly #memory: { readonly buffer: ArrayBuffer };
  readonly #pointer: number;
  readonly #byteLength: number;
  #words = new Float64Array();
  #bytes = new Uint8Array();
  readonly #args: number[] = [];
  #scans = 0;
  #tasks = 0;
  /** Where the tables begin. */
  #free = 0;

  /** @param pointer to `byteLength` bytes, on 8 bytes */
  constructor(memory: { readonly buffer: ArrayBuffer }, pointer: number, byteLength: number) {
    this.#memory = memory;
    this.#pointer = pointer;
    this.#byteLength = byteLength;
  }

  /** Replaces the list. @param tasks that a scan is cut into, at most. @returns how many tasks there are; -1 when there is no room */
  write(scans: readonly Scan[], tasks: number): number {
    this.#scans = 0;
    this.#tasks = 0;
    this.#free = this.#byteLength & ~15;
    return this.append(scans, tasks);
  }

  /** The same for scans behind those that are there, whose tasks may be running. What there is no room for is not there. */
  append(scans: readonly Scan[], tasks: number): number {
    this.#view();
    const described = (this.#scans + scans.length) * SCAN_BYTES;
    let next = this.#tasks;
    let free = this.#free;
    // scans of one query share it
    let table: Uint8Array | undefined;
    for (const [number, scan] of scans.entries()) {
      const { kernel, count, countAt, steps } = scan;
      const args = scan.args.slice();
      if (scan.table) {
        const { at, bytes } = scan.table;
        if (bytes !== table) {
          free = (free - bytes.length) & ~15;
          if (free < described) return -1;
          this.#bytes.set(bytes, free);
          table = bytes;
        }
        args[at] = this.#bytes.byteOffset + free;
      }
      if (free < described) return -1;
      const units = Math.max(1, Math.ceil(count / tasks));
      const at = (this.#scans + number) * WORDS;
      this.#words.set([KERNEL_NAMES.indexOf(kernel), args.length, countAt, next, units, count], at);
      this.#words.set(args, at + HEADER);
      this.#words.set(steps, at + HEADER + MAX_ARGS);
      next += Math.ceil(count / units);
    }
    this.#free = free;
    this.#scans += scans.length;
    this.#tasks = next;
    return next;
  }

  /** Views of it: of plain memory they end when it grows, and are then empty. */
  #view(): void {
    if (this.#words.length > 0) return;
    const { buffer } = this.#memory;
    this.#words = new Float64Array(buffer, this.#pointer, this.#byteLength >>> 3);
    this.#bytes = new Uint8Array(buffer, this.#pointer, this.#byteLength);
  }

  /** Runs task number `task` of those that `write` counted. */
  run(kernels: WasmKernels, task: number): void {
    this.#view();
    const words = this.#words;
    let at = 0;
    let taskOfScan = task - words[at + 3]!;
    for (let tasks = tasksAt(words, at); taskOfScan >= tasks; tasks = tasksAt(words, at)) {
      at += WORDS;
      taskOfScan = task - words[at + 3]!;
    }
    const first = taskOfScan * words[at + 4]!;
    const args = this.#args;
    args.length = words[at + 1]!;
    for (let i = 0; i < args.length; i++)
      args[i] = words[at + HEADER + i]! + first * words[at + HEADER + MAX_ARGS + i]!;
    args[words[at + 2]!] = Math.min(words[at + 4]!, words[at + 5]! - first);
    kernels[KERNEL_NAMES[words[at]!]!](...args);
  }
}

/** Tasks of the scan described at `at`. */
function tasksAt(words: Float64Array, at: number): number {
  return Math.ceil(words[at + 5]! / words[at + 4]!);
}
