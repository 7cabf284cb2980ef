/** Steps of attention of any shape over caches of random rows, run by the kernels alone: what the tests of attention share. */
import fc from "fast-check";
import { PAGE_CODECS, type PageCodec } from "../../src/cache/page-codec.ts";
import { PagedCache } from "../../src/cache/paged-cache.ts";
import {
  attentionRoom,
  BYTE_QUERIES,
  FEW_QUERIES,
  kernels,
  type Pool,
  Program,
  roomsBytes,
  stateBytes,
} from "../../src/kernels/index.ts";
import type { Random } from "../../src/linalg/random.ts";
import { StepTables } from "../../src/model/step-tables.ts";

/** A sequence of a step. */
export interface Sequence {
  /** Slots before the step, and tokens of it. */
  readonly slots: number;
  readonly tokens: number;
  readonly codec: PageCodec;
  /** Whether slots stand for several tokens each. */
  readonly counted: boolean;
}

/** A step of attention of one layer. */
export interface Case {
  readonly dim: number;
  readonly group: number;
  readonly kvHeads: number;
  readonly window: number;
  readonly parts: number;
  readonly threads: boolean;
  readonly sequences: readonly Sequence[];
  readonly seed: number;
}

export const sequence = fc.record({
  slots: fc.integer({ min: 0, max: 300 }),
  tokens: fc.integer({ min: 1, max: 40 }),
  codec: fc.constantFrom(...PAGE_CODECS),
  counted: fc.boolean(),
});
export const cases = fc.record({
  dim: fc.constantFrom(16, 32, 48, 64, 80, 112, 128, 256),
  group: fc.integer({ min: 1, max: 9 }),
  kvHeads: fc.integer({ min: 1, max: 2 }),
  window: fc.constantFrom(0, 0, 1, 37, 64, 130),
  parts: fc.integer({ min: 1, max: 3 }),
  threads: fc.boolean(),
  sequences: fc.array(sequence, { minLength: 1, maxLength: 3 }),
  seed: fc.integer({ min: 1, max: 1e6 }),
});

/** Steps of `most` queries to a tile at most. */
const few = (most: number): fc.Arbitrary<Case> =>
  fc.record({ one: cases, group: fc.integer({ min: 1, max: most }) }).map(({ one, group }) => ({
    ...one,
    group,
    sequences: one.sequences.map((some) => ({ ...some, tokens: Math.max(1, Math.floor(most / group)) })),
  }));

/** So few queries that they take a page together rather than by eights; and that products of bytes are for. */
export const fewQueries: fc.Arbitrary<Case> = few(FEW_QUERIES);
export const byteQueries: fc.Arbitrary<Case> = few(BYTE_QUERIES);

export const gaussians = (random: Random, count: number, spread = 1): Float32Array =>
  Float32Array.from({ length: count }, () => spread * random.gaussian());

export const largestGap = (found: Float32Array, wanted: Float64Array): number =>
  wanted.reduce((most, value, i) => Math.max(most, Math.abs(found[i]! - value)), 0);

/** A cache of random rows, one of them a sink: a large key whose value is all but nothing. */
export function cacheOf(
  { dim, kvHeads }: Case,
  { slots, codec, counted }: Sequence,
  random: Random,
): PagedCache {
  const face = kernels();
  const own = codec === "f32" || codec === "f16" ? codec : "int8";
  const turned = codec.startsWith("lloyd");
  const cache = new PagedCache(face, { layers: 1, kvHeads, headDim: dim }, { codec: own, turned });
  const positions = Int32Array.from({ length: slots }, (_, i) => i);
  for (let head = 0; head < kvHeads && slots > 0; head++) {
    const [keys, values] = [gaussians(random, slots * dim, 2), gaussians(random, slots * dim)];
    for (let i = 0; i < dim; i++) {
      keys[i]! *= 3;
      values[i]! *= 1e-4;
    }
    const counts = counted ? positions.map((i) => 1 + (i % 5)) : undefined;
    cache.replace(0, head, {
      dim,
      keys,
      values,
      positions,
      ...(counts && { counts: Float32Array.from(counts) }),
    });
    if (codec !== own) cache.encode(0, head, codec, 0);
  }
  return cache;
}

/** Rows of queries, keys and values of a step, and what attention gives out for them: [rows x heads x dim]. @param bytesFrom as the kernel takes it */
export function attended(
  one: Case,
  caches: readonly PagedCache[],
  random: Random,
  pool: Pool,
  bytesFrom = 0,
): { qkv: Float32Array; out: Float32Array } {
  const face = kernels();
  const { dim, group, kvHeads, window, parts } = one;
  const heads = group * kvHeads;
  const width = (heads + 2 * kvHeads) * dim;
  using tables = new StepTables(face);
  tables.set(one.sequences.map(({ tokens }, i) => ({ tokens: new Uint8Array(tokens), cache: caches[i]! })));
  one.sequences.forEach(({ tokens }, i) => {
    caches[i]!.begin(tokens);
  });
  const { rows, tiles, largest } = tables;
  const qkv = gaussians(random, rows * width);
  using given = face.arena.alloc(rows * width * 4);
  given.f32().set(qkv);
  using angles = face.arena.alloc(rows * dim * 4);
  angles.f32().forEach((_, i, all) => {
    all[i] = i % dim < dim / 2 ? 1 : 0;
  });
  const threads = one.threads ? pool.threads : 1;
  const expanded = caches.reduce((most, cache) => Math.max(most, cache.expandedBytes), 0);
  const room = attentionRoom(dim, largest * group, expanded);
  using states = face.arena.alloc(tiles * kvHeads * parts * largest * group * stateBytes(dim));
  using rooms = face.arena.alloc(roomsBytes(threads, room));
  using out = face.arena.alloc(rows * heads * dim * 4);
  for (const region of [states, rooms]) region.u8().fill(0xff);
  rooms.u32().fill(0, 0, threads);
  using program = new Program(face, 3);
  const about = [given.pointer, angles.pointer, tables.rowsAt];
  program.add("append", [rows, heads, kvHeads, dim, ...about, 0, 0, 0, 0, 0]).tasks = rows;
  const attend = program.add("attend", [tables.tilesAt, heads, kvHeads, dim, given.pointer, 0, 0]);
  attend.setReal(6, dim ** -0.5);
  [states.pointer, parts, largest, rooms.pointer, window, room, threads].forEach((value, i) => {
    attend.set(7 + i, value);
  });
  attend.set(15, bytesFrom);
  attend.tasks = tiles * kvHeads * parts;
  const merge = [
    rows,
    heads,
    kvHeads,
    dim,
    states.pointer,
    parts,
    largest,
    out.pointer,
    0,
    0,
    0,
    0,
    tables.rowsAt,
  ];
  program.add("merge", merge).tasks = rows;
  program.run(one.threads ? pool : undefined);
  one.sequences.forEach(({ tokens }, i) => {
    caches[i]!.end(tokens);
  });
  return { qkv, out: out.f32().slice() };
}

/** Calls with each query of a sequence: its number among all rows and heads, itself, its key-value head, the slots before the one it cannot see. */
export function eachQuery(
  { dim, group, kvHeads, sequences }: Case,
  number: number,
  qkv: Float32Array,
  call: (row: number, head: number, query: Float32Array, seen: number) => void,
): void {
  const heads = group * kvHeads;
  const first = sequences.slice(0, number).reduce((sum, { tokens }) => sum + tokens, 0);
  const { slots, tokens } = sequences[number]!;
  for (let t = 0; t < tokens; t++)
    for (let h = 0; h < heads; h++) {
      const at = ((first + t) * (heads + 2 * kvHeads) + h) * dim;
      call(first + t, h, qkv.subarray(at, at + dim), slots + t + 1);
    }
}
