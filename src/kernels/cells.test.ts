/** The cells' kernels against their plain twin. */
import { describe, expect, test } from "vitest";
import { type CellContents, WasmCells } from "./cells.ts";
import { WasmGraph } from "./graph.ts";
import { type GraphShape, graphWidth, NO_ROW } from "./graph-record.ts";
import { kernels, openPool, ROW_TAIL, RowScorer, rowSum } from "./index.ts";
import { ReferenceCells } from "./reference/cells.ts";

const CELLS = 9;
const SLOTS = 150;

function uniforms(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function shapeOf(dim: number, dims: number, metric: GraphShape["metric"]): GraphShape {
  const width = graphWidth(dim);
  const projection = new Int16Array(dims * width);
  for (let j = 0; j < dims; j++)
    for (let c = 0; c < dim; c++)
      projection[j * width + c] = Math.round(
        Math.sqrt(2 / dim) * Math.cos((Math.PI * (c + 0.5) * j) / dim) * 16_384,
      );
  const mean = Float32Array.from({ length: dim }, (_, i) => 0.2 * Math.cos(i));
  return { dim, dims, mean, projection, metric, fineBits: 0, degree: 4, forward: 2, room: 64, threads: 2 };
}

function contentsOf(dims: number, bits: number): CellContents {
  const next = uniforms(dims + bits);
  const starts = Uint32Array.from({ length: CELLS + 1 }, (_, i) => Math.floor((i * SLOTS) / CELLS));
  const blocks = Math.ceil(SLOTS / 16);
  const bytes = (count: number): Uint8Array =>
    Uint8Array.from({ length: count }, () => Math.floor(next() * 256));
  return {
    bits,
    starts,
    blocks: bytes(blocks * bits * dims * 2),
    ranges: Float32Array.from(
      { length: CELLS * 4 },
      (_, i) => [0.05, 0.0004, -1, 0.004][i % 4]! * (1 + next()),
    ),
    factors: bytes(blocks * 16),
    addends: bytes(blocks * 16),
    ids: Uint32Array.from({ length: SLOTS }, (_, slot) => (slot * 7) % SLOTS),
  };
}

describe.each([
  [32, 32, 1, "l2"],
  [40, 24, 2, "cosine"],
  [70, 16, 3, "dot"],
  [64, 64, 4, "cosine"],
] as const)("cells of %i values, codes of %i, %i bits, %s", (dim, dims, bits, metric) => {
  const shape = shapeOf(dim, dims, metric);
  const contents = contentsOf(dims, bits);
  const next = uniforms(dim);
  const values = (count: number): Float32Array =>
    Float32Array.from({ length: count * dim }, () => next() * 2 - 1);

  function open(): { cells: WasmCells; twin: ReferenceCells } {
    const graph = new WasmGraph(kernels(), shape);
    graph.place(0, values(CELLS));
    graph.enter(Uint32Array.of(0));
    return {
      cells: new WasmCells(kernels(), graph, contents),
      twin: new ReferenceCells(shape, graph.view(), contents),
    };
  }

  test("a search finds what the twin finds", () => {
    const { cells, twin } = open();
    using _ = cells;
    const queries = values(5);
    const kept = 12;
    const allowed = Uint32Array.from({ length: Math.ceil(SLOTS / 32) }, () => 0x5f5f_5f5f);
    for (const search of [
      { probes: 3, effort: 0, kept },
      { probes: CELLS, effort: 0, kept, allowed },
    ]) {
      const { slots, scores } = cells.search(queries, search);
      for (let q = 0; q < 5; q++) {
        const query = queries.subarray(q * dim, (q + 1) * dim);
        const wanted = twin.search(query, { ...search, kept: SLOTS });
        const tolerance = 0.02 * (Math.abs(wanted[0]!.score - wanted.at(-1)!.score) + 0.01);
        const scoreOf = new Map(wanted.map(({ slot, score }) => [slot, score]));
        slots.subarray(q * kept, (q + 1) * kept).forEach((slot, i) => {
          expect(Math.abs(scores[q * kept + i]! - scoreOf.get(slot)!)).toBeLessThan(tolerance);
          expect(Math.abs(wanted[i]!.score - scores[q * kept + i]!)).toBeLessThan(tolerance);
        });
      }
    }
  });

  test("given slots are scored as a search scores them", () => {
    const { cells, twin } = open();
    using _ = cells;
    const query = values(1);
    const asked = Uint32Array.from({ length: 40 }, (_, i) => Math.floor((i * SLOTS) / 40));
    const wanted = twin.search(query, { probes: CELLS, effort: 0, kept: SLOTS });
    const scoreOf = new Map(wanted.map(({ slot, score }) => [slot, score]));
    const tolerance = 0.02 * (Math.abs(wanted[0]!.score - wanted.at(-1)!.score) + 0.01);
    const { slots, scores } = cells.searchSlots(query, asked, 10);
    const best = [...asked].map((slot) => scoreOf.get(slot)!).sort((a, b) => b - a);
    slots.forEach((slot, i) => {
      expect(asked).toContain(slot);
      expect(Math.abs(scores[i]! - scoreOf.get(slot)!)).toBeLessThan(tolerance);
      expect(Math.abs(scores[i]! - best[i]!)).toBeLessThan(tolerance);
    });
  });

  test("deleted slots are not found, and fewer rows than wanted end in none", () => {
    using cells = open().cells;
    const query = values(1);
    for (let slot = 0; slot < SLOTS; slot++) if (slot % 30 !== 4) cells.delete(slot);
    const { slots } = cells.search(query, { probes: CELLS, effort: 0, kept: 8 });
    const found = [...slots];
    expect(found.slice(0, 5).sort((a, b) => a - b)).toEqual([4, 34, 64, 94, 124]);
    expect(found.slice(5)).toEqual([NO_ROW, NO_ROW, NO_ROW]);
  });

  test("threads find the same", async () => {
    using cells = open().cells;
    const queries = values(40);
    const search = { probes: 4, effort: 0, kept: 10 };
    const alone = cells.search(queries, search);
    const [slots, scores] = [alone.slots.slice(), alone.scores.slice()];
    await using pool = await openPool(kernels(), { workers: 1 });
    const shared = cells.search(queries, search, pool);
    expect(shared.slots).toEqual(slots);
    expect(shared.scores).toEqual(scores);
    using first = cells.fork(queries.subarray(0, 20 * dim), search, pool);
    const found = first.join();
    using second = cells.fork(queries.subarray(20 * dim), search, pool);
    expect(found.slots).toEqual(slots.subarray(0, 200));
    expect(second.join().slots).toEqual(slots.subarray(200));
  });

  test.each([8, 16])("rows of %i bits are scored as what they stand for", (width) => {
    using cells = open().cells;
    const queries = values(2);
    const { prepared } = cells.search(queries, { probes: 1, effort: 0, kept: 1 });
    const stored = Math.ceil(dim / 8) * 8;
    const stride = (stored * width) / 8 + ROW_TAIL;
    const count = 7;
    const levels = Array.from({ length: count }, () =>
      Array.from({ length: dim }, () => Math.round((next() - 0.5) * 200)),
    );
    const bytes = new DataView(new ArrayBuffer(count * stride));
    levels.forEach((row, r) => {
      row.forEach((level, c) => {
        if (width === 8) bytes.setInt8(r * stride + c, level);
        else bytes.setInt16(r * stride + 2 * c, level, true);
      });
      const square = row.reduce((sum, level) => sum + (level * 0.01) ** 2, 0);
      const tail = (r + 1) * stride - ROW_TAIL;
      bytes.setFloat32(tail, 0.01, true);
      bytes.setFloat32(tail + 4, -square / 2, true);
      bytes.setUint32(tail + 8, rowSum(new Uint8Array(bytes.buffer, r * stride, stride - 4)), true);
    });
    using scorer = new RowScorer(kernels(), dim);
    scorer.room(count * stride).set(new Uint8Array(bytes.buffer));
    const asked = levels.flatMap((_, row) => [0, 1].map((query) => ({ row, query })));
    const pairs = Uint32Array.from(asked.flatMap(({ row, query }) => [row * stride, query]));
    const scores = scorer.score(prepared, { pairs, count: asked.length, stride, bits: width });
    asked.forEach(({ row, query }, i) => {
      const vector = levels[row]!.map((level, c) => level * 0.01 + shape.mean[c]!);
      const values = [...queries.subarray(query * dim, (query + 1) * dim)];
      expect(scores[i]).toBeCloseTo(exact(metric, values, vector, shape.mean), 2);
    });
    const rows = new Uint8Array(bytes.buffer);
    for (let at = 0; at < rows.length; at++) {
      const flipped = rows.slice();
      flipped[at]! ^= 1 << (at % 8);
      scorer.room(rows.length).set(flipped);
      const seen = scorer.score(prepared, { pairs, count: asked.length, stride, bits: width });
      const isDamaged = ({ row }: { row: number }): boolean => row === Math.floor(at / stride);
      expect([...seen].map(Number.isNaN)).toEqual(asked.map(isDamaged));
    }
  });
});

/** Cosine: of a query of unit length, with the row's own length as it is: what centred products give. */
function exact(
  metric: string,
  query: readonly number[],
  vector: readonly number[],
  mean: Float32Array,
): number {
  const dot = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((sum, x, i) => sum + x * b[i]!, 0);
  if (metric === "dot") {
    const centred = vector.map((x, i) => x - mean[i]!);
    return dot(query, [...mean]) + dot(query, centred);
  }
  const length = metric === "cosine" ? Math.hypot(...query) : 1;
  const unit = query.map((x) => x / length);
  const distance = unit.reduce((sum, x, i) => sum + (x - vector[i]!) ** 2, 0);
  return metric === "cosine" ? 1 - distance / 2 : -distance;
}
