/** Documents a second of the symmetric scan by tables, beside Hamming distances of the planes of bits, which give the same products. */
import { parseCodec, type RbeCoder } from "../src/codecs/index.ts";
import { kernels } from "../src/kernels/index.ts";
import { type Matrix, matrix, rowOf } from "../src/linalg/matrix.ts";
import { Random } from "../src/linalg/random.ts";
import { printFigure, quantile } from "./row.ts";

const ROWS = 100_000;
const DIM = 256;
const WIDTH = 256;
const ROUNDS = 21;
/** Rows compared with the plain twin. */
const COMPARED = 3200;

interface Planes {
  /** Of each bit, the highest first: rows x bytes. */
  readonly planes: readonly Uint8Array[];
  readonly bytes: number;
}

/** Bits of levels as planes. @param codes packed levels, 2 bits each */
function planesOf(codes: Uint8Array, rows: number): Planes {
  const bytes = WIDTH / 8;
  const planes = [1, 0].map((bit) => {
    const plane = new Uint8Array(rows * bytes);
    for (let i = 0; i < rows * WIDTH; i++) {
      const level = (codes[i >> 2]! >> (2 * (i & 3))) & 3;
      plane[i >> 3]! |= ((level >> bit) & 1) << (i & 7);
    }
    return plane;
  });
  return { planes, bytes };
}

function timed(work: () => void): number {
  const started = performance.now();
  work();
  return performance.now() - started;
}

function inArena(bytes: Uint8Array): Uint8Array {
  const region = kernels().arena.alloc(bytes.length);
  region.u8().set(bytes);
  return region.u8();
}

export async function measureSpeed(bench: string): Promise<void> {
  const random = new Random(5);
  const rows = matrix(ROWS, DIM);
  for (let i = 0; i < rows.data.length; i++) rows.data[i] = random.gaussian();
  const query = rowOf(rows, 7).map((value) => value + random.gaussian());
  for (const bits of [2, 4] as const) measureBits(bench, rows, query, bits);
}

function measureBits(bench: string, rows: Matrix, query: Float32Array, bits: 2 | 4): void {
  const sample = matrix(2000, DIM, rows.data.slice(0, 2000 * DIM));
  const coder = parseCodec(`rbe${bits}x${WIDTH}-sym`).fit(sample) as RbeCoder;
  const codes = coder.encode(rows);
  const blocks = inArena(coder.scan!.arrange(codes, ROWS));
  const out = kernels()
    .arena.alloc(4 * ROWS)
    .f32();
  const scorer = coder.scorer(query, "cosine");
  const scan = (): void => scorer.scoreBlocks!(blocks, out);
  compareWithPlain(bench, coder, codes, query);
  const byRows = inArena(codes);
  const hamming = bits === 2 ? hammingPasses(coder, codes, query) : undefined;
  scan();
  const fused = bits === 2 ? fusedPasses(coder, codes, query) : undefined;
  const times: Record<string, number[]> = { scan: [], rows: [], hamming: [], fused: [] };
  for (let round = 0; round < ROUNDS; round++) {
    times.scan!.push(timed(scan));
    times.rows!.push(timed(() => scorer.score(byRows, 0, ROWS, out)));
    if (hamming) times.hamming!.push(timed(hamming));
    if (fused) times.fused!.push(timed(fused));
  }
  const rate = (name: string): number => ROWS / quantile(times[name]!, 0.25) / 1000;
  const report = (system: string, name: string, atLeast?: number): void =>
    printFigure(bench, {
      system,
      metric: `symmetric scan, ${bits} bits x ${WIDTH}`,
      unit: "M/s",
      ours: rate("scan"),
      baseline: rate(name),
      better: "more",
      ...(atLeast ? { atLeast } : {}),
      note: `${((rate("scan") * coder.blockBytes) / 1000).toFixed(2)} GB/s, one thread`,
    });
  report("row by row", "rows");
  if (hamming) report("Hamming passes", "hamming", 2);
  if (fused) report("fused passes", "fused");
}

/** Four distances of planes a row: product = sum of 2^-(i + j) (width - 2 distance). */
function hammingPasses(coder: RbeCoder, codes: Uint8Array, query: Float32Array): () => void {
  const { planes, bytes } = planesOf(codes, ROWS);
  const own = planesOf(coder.encode(matrix(1, DIM, query)), 1).planes;
  const held = planes.map(inArena);
  const differ = kernels()
    .arena.alloc(4 * ROWS)
    .u32();
  const sums = kernels()
    .arena.alloc(4 * ROWS)
    .f32();
  return () => {
    sums.fill(0);
    own.forEach((plane, i) =>
      held.forEach((data, j) => {
        kernels().hamming(plane, { data, count: ROWS, stride: bytes }, differ);
        const weight = 2 ** -(i + j);
        for (let r = 0; r < ROWS; r++) sums[r]! += weight * (WIDTH - 2 * differ[r]!);
      }),
    );
  };
}

/** The same counts in one pass over both planes of a row, side by side, by the kernel for queries of four planes. */
function fusedPasses(coder: RbeCoder, codes: Uint8Array, query: Float32Array): () => void {
  const { planes, bytes } = planesOf(codes, ROWS);
  const both = new Uint8Array(2 * bytes * ROWS);
  planes.forEach((plane, i) => {
    for (let r = 0; r < ROWS; r++) both.set(plane.subarray(r * bytes, (r + 1) * bytes), (2 * r + i) * bytes);
  });
  const [high, low] = planesOf(coder.encode(matrix(1, DIM, query)), 1).planes as [Uint8Array, Uint8Array];
  const asked = new Uint8Array(8 * bytes);
  // products of bits by their weight: low low 1, low high 2, high high 4
  asked.set(low, bytes);
  asked.set(low, 2 * bytes);
  asked.set(high, 3 * bytes);
  asked.set(high, 4 * bytes);
  const held = inArena(both);
  const out = kernels()
    .arena.alloc(4 * ROWS)
    .u8();
  const sums = new Int32Array(out.buffer, out.byteOffset, ROWS);
  return () => kernels().binaryDot4(asked, { data: held, count: ROWS, stride: 2 * bytes }, sums);
}

/** Scores of blocks against whole numbers multiplied one by one. */
function compareWithPlain(bench: string, coder: RbeCoder, codes: Uint8Array, query: Float32Array): void {
  const { bits, width, blockBytes } = coder;
  const most = 2 ** bits - 1;
  const valuesOf = (code: Uint8Array): number[] =>
    Array.from({ length: width }, (_, i) => 2 * ((code[(i * bits) >> 3]! >> ((i * bits) & 7)) & most) - most);
  const own = valuesOf(coder.encode(matrix(1, DIM, query)));
  const length = Math.sqrt(own.reduce((sum, value) => sum + value * value, 0));
  const out = new Float32Array(COMPARED);
  coder.scorer(query, "cosine").scoreBlocks!(coder.scan!.arrange(codes, COMPARED), out);
  let different = 0;
  for (let r = 0; r < COMPARED; r++) {
    const row = valuesOf(codes.subarray(r * blockBytes, (r + 1) * blockBytes));
    const product = row.reduce((sum, value, i) => sum + value * own[i]!, 0);
    const size = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
    if (Math.round(out[r]! * length * size) !== product) different++;
  }
  printFigure(bench, {
    metric: `symmetric scan, ${bits} bits x ${width}: products unlike the plain ones`,
    unit: "",
    ours: different,
    better: "less",
    atMost: 0,
    note: `of ${COMPARED}`,
  });
}
