/**
 * How near are the kernels to the speed of memory? GB/s of codes read by each, beside `sumBytes`, the bandwidth probe in the same
 * language, over working sets larger than the caches. One thread by the face, one and two by the pool. Each result is compared with
 * the plain twin's before a clock is read; rounds of all kernels are interleaved, so noise of the machine falls on all alike.
 */
import {
  type KernelFace,
  kernels,
  openPool,
  type Pool,
  type Region,
  type Rows,
  reference,
} from "../src/kernels/index.ts";
import { Random } from "../src/linalg/random.ts";
import { printFigure, quantile } from "./row.ts";

const WORKING_SET = 64 << 20;
const ROUNDS = 9;
const DIM = 256;
const CHECKED_ROWS = 500;

type ScanName = Parameters<Pool["scan"]>[0]["kernel"];
type Argument = Float32Array | Int8Array | Uint8Array;

interface ScanKernel {
  readonly kernel: ScanName;
  /** Bytes of a row. */
  readonly stride: number;
  /** Elements of the query's array and how it is seen. */
  readonly query: "f32" | "i8" | "u8";
  readonly queryLength: number;
  readonly rest: readonly number[];
}

const BINARY = DIM / 8;

const SCANS: readonly ScanKernel[] = [
  { kernel: "dotF32", stride: DIM * 4, query: "f32", queryLength: DIM, rest: [DIM] },
  { kernel: "l2F32", stride: DIM * 4, query: "f32", queryLength: DIM, rest: [DIM] },
  { kernel: "dotI8", stride: DIM, query: "i8", queryLength: DIM, rest: [DIM, DIM] },
  { kernel: "l2I8", stride: DIM, query: "i8", queryLength: DIM, rest: [DIM, DIM] },
  { kernel: "dotF32I8", stride: DIM, query: "f32", queryLength: DIM, rest: [DIM, DIM] },
  { kernel: "dotF32U4", stride: DIM / 2, query: "f32", queryLength: DIM, rest: [DIM, DIM / 2] },
  { kernel: "hamming", stride: BINARY, query: "u8", queryLength: BINARY, rest: [BINARY, BINARY] },
  { kernel: "binaryDot4", stride: BINARY, query: "u8", queryLength: 4 * BINARY, rest: [BINARY, BINARY] },
];

/** Something to time: `bytes` are those read, and written where the kernel writes as much as it reads. */
interface Task {
  readonly metric: string;
  readonly bytes: number;
  readonly run: () => void;
  readonly seconds: number[];
}

const face = kernels();
const rows: Region = face.arena.alloc(WORKING_SET);
const work: Region = face.arena.alloc(WORKING_SET);
const query: Region = face.arena.alloc(DIM * 4);
const out: Region = face.arena.alloc((WORKING_SET / BINARY) * 4);

/** A megabyte of floats in [-1, 1), again and again: as bytes they serve as codes of every kind. */
function fillRows(): void {
  const random = new Random(7);
  const block = new Float32Array(1 << 18).map(() => random.uniform() * 2 - 1);
  for (const region of [rows, work]) {
    for (let at = 0; at < WORKING_SET / 4; at += block.length) region.f32().set(block, at);
  }
  query.f32().set(block.subarray(1000, 1000 + DIM));
}

function queryOf({ query: kind, queryLength }: ScanKernel): Argument {
  const view = kind === "f32" ? query.f32() : kind === "i8" ? query.i8() : query.u8();
  return view.subarray(0, queryLength);
}

/** One scan by a face; the two f32 kernels take their rows as floats. */
function scanBy(by: KernelFace, scan: ScanKernel, count: number, to: Float32Array | Int32Array): void {
  const floats = scan.kernel === "dotF32" || scan.kernel === "l2F32";
  const codes = scan.query === "i8" ? rows.i8() : rows.u8();
  const data = floats ? rows.f32().subarray(0, count * DIM) : { data: codes, count, stride: scan.stride };
  const kernel = by[scan.kernel] as (q: Argument, data: Float32Array | Rows, out: ArrayBufferView) => void;
  kernel.call(by, queryOf(scan), data, to);
}

/** Results of the face and of the pool against the plain twin's, on the first rows. @throws Error naming the kernel. */
function checkScan(scan: ScanKernel, pools: readonly Pool[]): void {
  const isFloat = scan.query === "f32";
  const expected = isFloat ? new Float32Array(CHECKED_ROWS) : new Int32Array(CHECKED_ROWS);
  const found = (): Float32Array | Int32Array => (isFloat ? out.f32() : out.i32()).subarray(0, CHECKED_ROWS);
  scanBy(reference, scan, CHECKED_ROWS, expected);
  const runs = [
    () => scanBy(face, scan, CHECKED_ROWS, found()),
    ...pools.map((pool) => () => poolScan(pool, scan, CHECKED_ROWS)),
  ];
  for (const run of runs) {
    out.u8().fill(255);
    run();
    assertClose(scan.kernel, found(), expected);
  }
}

function assertClose(name: string, found: ArrayLike<number>, expected: ArrayLike<number>): void {
  for (let i = 0; i < expected.length; i++) {
    const [is, should] = [found[i]!, expected[i]!];
    if (Math.abs(is - should) <= 1e-3 * Math.max(1, Math.abs(should))) continue;
    throw new Error(`bench: ${name} gives ${is} at ${i}, its plain twin ${should}; not timed`);
  }
}

function poolScan(pool: Pool, { kernel, stride, rest }: ScanKernel, count: number): void {
  pool.scan({ kernel, query: query.pointer, rows: rows.pointer, count, stride, rest, out: out.pointer });
}

function scanTasks(pools: readonly Pool[]): Task[] {
  return SCANS.flatMap((scan) => {
    checkScan(scan, pools);
    const count = WORKING_SET / scan.stride;
    const to = (scan.query === "f32" ? out.f32() : out.i32()).subarray(0, count);
    const task = (how: string, run: () => void): Task => ({
      metric: `${scan.kernel}, ${how}`,
      bytes: WORKING_SET,
      run,
      seconds: [],
    });
    return [
      task("face", () => scanBy(face, scan, count, to)),
      ...pools.map((pool) => task(`pool of ${pool.threads}`, () => poolScan(pool, scan, count))),
    ];
  });
}

/** Kernels over rows that are no scans: transforms in place, decoding, gathering, selection. */
function otherTasks(): Task[] {
  const quarter = WORKING_SET / 4;
  const groups = quarter / 32;
  const scales = new Float32Array(groups).fill(0.01);
  const by = face.arena.alloc(groups * 4);
  by.f32().set(scales);
  const random = new Random(11);
  const ids = face.arena.alloc((quarter / DIM) * 4);
  ids.u32().set(Uint32Array.from({ length: quarter / DIM }, () => random.integer(quarter / DIM)));
  const codes = rows.i8().subarray(0, quarter);
  const packed = rows.u8().subarray(0, quarter / 2);
  const floats = work.f32().subarray(0, quarter);
  const sum = out.f32().subarray(0, DIM);
  const tasks: [string, number, (by: KernelFace) => void][] = [
    ["dequantI8 (read + written)", quarter * 5, (k) => k.dequantI8(codes, by.f32(), DIM, floats)],
    ["dequantU4 (read + written)", quarter * 4.5, (k) => k.dequantU4(packed, by.f32(), by.f32(), 32, floats)],
    ["fwhtF32 (read + written)", WORKING_SET * 2, (k) => k.fwhtF32(work.f32(), DIM)],
    ["normalizeF32 (read + written)", WORKING_SET * 2, (k) => k.normalizeF32(work.f32(), DIM)],
    [
      "gatherSumI8, rows at random",
      quarter,
      (k) => k.gatherSumI8(codes, by.f32(), DIM, ids.u32(), undefined, ids.u32().length, sum),
    ],
    ["selectAbove, 2 % above", WORKING_SET, (k) => void k.selectAbove(rows.f32(), 0.96, out.u32())],
  ];
  return tasks.map(([metric, bytes, run]) => ({ metric, bytes, run: () => run(face), seconds: [] }));
}

/** The others against their twins on small rows of their own. */
function checkOthers(): void {
  const random = new Random(13);
  const values = new Float32Array(8 * DIM).map(() => random.uniform() - 0.5);
  const codes = new Int8Array(8 * DIM).map(() => random.integer(255) - 127);
  const packed = new Uint8Array(4 * DIM).map(() => random.integer(256));
  const scales = new Float32Array(64).map(() => random.uniform());
  const ids = Uint32Array.from([3, 1, 1, 7]);
  const results = ([face, reference] as KernelFace[]).map((by) => {
    const [transformed, normal] = [values.slice(), values.slice()];
    const [wide, nibbles, sum] = [
      new Float32Array(8 * DIM),
      new Float32Array(8 * DIM),
      new Float32Array(DIM),
    ];
    const above = new Uint32Array(8 * DIM);
    by.fwhtF32(transformed, DIM);
    by.normalizeF32(normal, DIM);
    by.dequantI8(codes, scales.subarray(0, 8), DIM, wide);
    by.dequantU4(packed, scales, scales, 32, nibbles);
    by.gatherSumI8(codes, scales, DIM, ids, undefined, ids.length, sum);
    const count = by.selectAbove(values, 0.4, above);
    return [...transformed, ...normal, ...wide, ...nibbles, ...sum, ...above.subarray(0, count)];
  });
  assertClose("one of the transforms", results[0]!, results[1]!);
}

async function main(): Promise<void> {
  fillRows();
  checkOthers();
  const one = await openPool(face, { workers: 0 });
  const two = await openPool(face, { workers: 1 });
  const probe: Task = {
    metric: "sumBytes",
    bytes: WORKING_SET,
    run: () => void face.sumBytes(rows.u8()),
    seconds: [],
  };
  if (face.sumBytes(rows.u8()) !== reference.sumBytes(rows.u8()))
    throw new Error("bench: sumBytes is wrong; not timed");
  const tasks = [probe, ...scanTasks([one, two]), ...otherTasks()];
  for (let round = 0; round <= ROUNDS; round++) {
    for (const { run, seconds } of tasks) {
      const started = performance.now();
      run();
      if (round > 0) seconds.push((performance.now() - started) / 1000);
    }
  }
  const speed = ({ bytes, seconds }: Task): number => bytes / 1e9 / quantile(seconds, 0.5);
  printFigure("kernels", {
    metric: "sumBytes, face (the probe)",
    unit: "GB/s",
    ours: speed(probe),
    better: "more",
  });
  for (const task of tasks.slice(1)) {
    printFigure("kernels", {
      system: "sumBytes",
      metric: task.metric,
      unit: "GB/s",
      ours: speed(task),
      baseline: speed(probe),
      better: "more",
    });
  }
  await two[Symbol.asyncDispose]();
}

void main();
