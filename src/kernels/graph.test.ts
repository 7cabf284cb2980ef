/** The graph's kernels against their plain twin. */
import { describe, expect, test } from "vitest";
import { WasmGraph } from "./graph.ts";
import { type GraphShape, graphWidth, NO_ROW } from "./graph-record.ts";
import { kernels, openPool } from "./index.ts";
import { ReferenceGraph } from "./reference/graph.ts";

const ROWS = 160;

/** Values that are nearly normal, around 0.3. */
function gaussians(count: number, dim: number, seed: number, unit = false): Float32Array {
  let state = seed;
  const uniform = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const data = Float32Array.from(
    { length: count * dim },
    () => (uniform() + uniform() + uniform() + uniform() - 2) * Math.sqrt(3) + 0.3,
  );
  if (unit) kernels().normalizeF32(data, dim);
  return data;
}

function shapeOf(dim: number, dims: number, more: Partial<GraphShape> = {}): GraphShape {
  const mean = Float32Array.from({ length: dim }, (_, i) => 0.3 * Math.cos(i));
  const width = graphWidth(dim);
  const shape = { dim, dims, mean, metric: "l2", fineBits: 8, degree: 8, forward: 5 } as const;
  if (dims === width) return { ...shape, room: 64, threads: 2, ...more };
  // the first rows of a cosine transform
  const projection = new Int16Array(dims * width);
  for (let j = 0; j < dims; j++) {
    const length = Math.sqrt((j === 0 ? 1 : 2) / dim);
    for (let c = 0; c < dim; c++)
      projection[j * width + c] = Math.round(length * Math.cos((Math.PI * (c + 0.5) * j) / dim) * 16_384);
  }
  return { ...shape, projection, room: 64, threads: 2, ...more };
}

/** Links of a graph as lists. */
function linksOf(graph: WasmGraph): number[][] {
  const { degree } = graph.shape;
  const { links } = graph.view();
  return Array.from({ length: graph.rows }, (_, row) =>
    [...links.subarray(row * degree, (row + 1) * degree)].filter((link) => link !== NO_ROW),
  );
}

/** Batches of growing size. */
function* batches(from: number, to: number): Generator<Uint32Array> {
  for (let at = from; at < to; ) {
    const size = Math.min(to - at, Math.max(1, at >> 2));
    yield Uint32Array.from({ length: size }, (_, i) => at + i);
    at += size;
  }
}

const SHAPES: [string, GraphShape][] = [
  ["values as they are", shapeOf(32, 32)],
  ["padded values, 4 bits", shapeOf(27, 32, { fineBits: 4 })],
  ["a projection", shapeOf(70, 16)],
  ["a projection, 4 bits, cosine", shapeOf(45, 24, { fineBits: 4, metric: "cosine" })],
  ["products", shapeOf(40, 16, { metric: "dot" })],
  ["coarse codes alone", shapeOf(32, 32, { fineBits: 0, metric: "cosine" })],
];

describe.each(SHAPES)("a graph of %s", (_, shape) => {
  const vectors = gaussians(ROWS, shape.dim, 5, shape.metric === "cosine");

  function build(pool?: Parameters<WasmGraph["link"]>[3]): { graph: WasmGraph; twin: ReferenceGraph } {
    const graph = new WasmGraph(kernels(), shape);
    graph.place(0, vectors, pool);
    graph.enter(Uint32Array.of(0));
    const twin = new ReferenceGraph(shape, graph.view());
    for (const batch of batches(1, ROWS)) {
      graph.link(batch, 1.1, 20, pool);
      twin.link(batch, 1.1, 20);
    }
    return { graph, twin };
  }

  test("links as its twin, on any number of threads, and after deletes", async () => {
    const { graph, twin } = build();
    expect(linksOf(graph)).toEqual(twin.links);
    await using pool = await openPool(kernels(), { workers: 1 });
    const { graph: shared } = build(pool);
    expect(linksOf(shared)).toEqual(twin.links);
    for (let row = 0; row < ROWS; row += 5) graph.delete(row);
    const bridged = new ReferenceGraph(shape, graph.view());
    bridged.bridge(1.1);
    graph.bridge(1.1, pool);
    expect(linksOf(graph)).toEqual(bridged.links);
    graph[Symbol.dispose]();
    shared[Symbol.dispose]();
  });

  test.each([
    ["all rows", undefined, []],
    ["allowed rows", [0x0f0f_0f0f, 0xffff_0000, 0x1234_5678, 0xaaaa_aaaa], []],
    ["rows that are not deleted", undefined, [3, 7, 40, 41, 42, 43, 99]],
  ])("finds among %s what its twin finds", (_name, bits, deleted) => {
    const { graph } = build();
    graph.name(
      Uint32Array.from({ length: ROWS }, (_, i) => (i * 7) % ROWS),
      0,
    );
    for (const row of deleted) graph.delete(row);
    const twin = new ReferenceGraph(shape, graph.view());
    const queries = gaussians(12, shape.dim, 8);
    const options = { k: 6, effort: 16, kept: 20, allowed: bits && Uint32Array.from(bits) };
    const { rows, scores } = graph.search(queries, options);
    let same = 0;
    for (let q = 0; q < 12; q++) {
      const query = queries.subarray(q * shape.dim, (q + 1) * shape.dim);
      const expected = twin.search(query, options);
      for (let i = 0; i < 6; i++) {
        const row = rows[q * 6 + i]!;
        if (row === (expected[i]?.row ?? NO_ROW)) same++;
        if (expected[i]) expect(scores[q * 6 + i]).toBeCloseTo(expected[i]!.score, shape.dim > 50 ? 0 : 1);
      }
    }
    // where two keys nearly tie the rounding of the query may decide
    expect(same).toBeGreaterThanOrEqual(70);
    graph[Symbol.dispose]();
  });

  test("a walk among allowed rows finds those, and what a walk finds when they are all", () => {
    const { graph } = build();
    using _ = graph;
    const queries = gaussians(20, shape.dim, 9);
    const search = { k: 5, effort: 60, kept: 60 };
    const plain = [...graph.search(queries, search).rows];
    const all = new Uint32Array(ROWS / 32).fill(0xffff_ffff);
    expect([...graph.search(queries, { ...search, allowed: all, among: true }).rows]).toEqual(plain);
    // every third row: a walk with a long list meets nearly all of them
    const third = new Uint32Array(ROWS / 32);
    for (let row = 0; row < ROWS; row += 3) third[row >>> 5]! |= 1 << (row & 31);
    const found = [...graph.search(queries, { ...search, allowed: third, among: true }).rows];
    const wanted = [...graph.search(queries, { ...search, allowed: third, effort: 64, kept: 64 }).rows];
    expect(found.every((row) => row % 3 === 0)).toBe(true);
    expect(found.filter((row) => wanted.includes(row)).length).toBeGreaterThan(0.9 * found.length);
    // nothing stays behind for the next search
    expect([...graph.search(queries, search).rows]).toEqual(plain);
  });

  test("a look at all rows finds the best of those that may be found", () => {
    const { graph } = build();
    using _ = graph;
    const queries = gaussians(20, shape.dim, 9);
    const allowed = new Uint32Array(ROWS / 32);
    for (let row = 0; row < ROWS; row += 3) allowed[row >>> 5]! |= 1 << (row & 31);
    graph.delete(3);
    const found = graph.search(queries, { k: 5, effort: 0, kept: 60, allowed }).rows.slice();
    const ordinals = Uint32Array.from({ length: Math.ceil(ROWS / 3) }, (_, i) => i * 3).filter(
      (row) => row !== 3,
    );
    let same = 0;
    for (let q = 0; q < 20; q++) {
      const scores = graph.score(queries.subarray(q * shape.dim, (q + 1) * shape.dim), ordinals).slice();
      const fifth = scores.slice().sort()[scores.length - 5]!;
      for (const row of found.subarray(q * 5, (q + 1) * 5)) {
        expect(ordinals).toContain(row);
        if (scores[ordinals.indexOf(row)]! >= fifth - 1e-6 * Math.abs(fifth)) same++;
      }
    }
    expect(same).toBeGreaterThanOrEqual(96);
  });

  test("scores of given rows are near those of the vectors", () => {
    const { graph } = build();
    const query = gaussians(1, shape.dim, 9);
    const ordinals = Uint32Array.from({ length: ROWS }, (_, i) => i);
    const scores = graph.score(query, ordinals);
    const size = Math.hypot(...query);
    let worst = 0;
    for (let row = 0; row < ROWS; row++) {
      const vector = vectors.subarray(row * shape.dim, (row + 1) * shape.dim);
      const product = vector.reduce((sum, value, i) => sum + value * query[i]!, 0);
      const distance = vector.reduce((sum, value, i) => sum + (value - query[i]!) ** 2, 0);
      const exact = { dot: product, cosine: product / size, l2: -distance }[shape.metric];
      worst = Math.max(worst, Math.abs(scores[row]! - exact) / Math.abs(shape.metric === "dot" ? size : 1));
    }
    const scale = shape.metric === "l2" ? shape.dim * 2 : 1;
    expect(worst / scale).toBeLessThan(shape.fineBits === 4 ? 0.15 : 0.02);
    graph[Symbol.dispose]();
  });
});

/** Links between codes of 8 bits, walked over by codes of 4. */
describe.each([
  ["values as they are", shapeOf(60, 64)],
  ["a projection, cosine", shapeOf(70, 32, { metric: "cosine" })],
  ["products", shapeOf(64, 64, { metric: "dot" })],
] as [string, GraphShape][])("codes of 4 bits of %s", (_, shape) => {
  const vectors = gaussians(ROWS, shape.dim, 5, shape.metric === "cosine");
  const queries = gaussians(12, shape.dim, 8);

  function open(): WasmGraph {
    using wide = new WasmGraph(kernels(), { ...shape, fineBits: 0 });
    wide.place(0, vectors);
    wide.enter(Uint32Array.of(0));
    for (const batch of batches(1, ROWS)) wide.link(batch, 1.1, 20);
    const { links, entries, fine } = wide.view();
    const narrow = { ...shape, coarseBits: 4, fineBits: 0 } as const;
    using coder = new WasmGraph(kernels(), narrow);
    coder.place(0, vectors);
    const graph = new WasmGraph(kernels(), narrow);
    graph.restore({ links, entries, fine, coarse: coder.view().coarse });
    return graph;
  }

  test.each([
    ["all rows", undefined],
    ["allowed rows", [0x0f0f_0f0f, 0xffff_0000, 0x1234_5678, 0xaaaa_aaaa, 0]],
  ])("find among %s what the twin finds", (_name, bits) => {
    using graph = open();
    graph.delete(3);
    const twin = new ReferenceGraph(graph.shape, graph.view());
    const options = { k: 8, effort: 16, kept: 8, allowed: bits && Uint32Array.from(bits) };
    const { rows, scores } = graph.search(queries, options);
    let same = 0;
    for (let q = 0; q < 12; q++) {
      const expected = twin.search(queries.subarray(q * shape.dim, (q + 1) * shape.dim), options);
      expected.forEach(({ row, score }, i) => {
        if (row === rows[q * 8 + i]) same++;
        expect(Math.abs(scores[q * 8 + i]! - score)).toBeLessThan(0.01 * Math.max(1, Math.abs(score)));
      });
    }
    expect(same).toBeGreaterThanOrEqual(92);
  });

  test("a look at all rows and scores of given rows say the same", () => {
    using graph = open();
    const query = queries.subarray(0, shape.dim);
    const all = graph
      .score(
        query,
        Uint32Array.from({ length: ROWS }, (_, i) => i),
      )
      .slice();
    const { rows, scores } = graph.search(query, { k: 7, effort: 0, kept: 7 });
    expect([...scores]).toEqual([...all].sort((a, b) => b - a).slice(0, 7));
    expect([...rows].map((row) => all[row])).toEqual([...scores]);
  });

  test("scores are near those of the vectors", () => {
    using graph = open();
    const query = queries.subarray(0, shape.dim);
    const scores = graph.score(
      query,
      Uint32Array.from({ length: ROWS }, (_, i) => i),
    );
    const size = Math.hypot(...query);
    const exact = Array.from({ length: ROWS }, (_, row) => {
      const vector = vectors.subarray(row * shape.dim, (row + 1) * shape.dim);
      const product = vector.reduce((sum, value, i) => sum + value * query[i]!, 0);
      const distance = vector.reduce((sum, value, i) => sum + (value - query[i]!) ** 2, 0);
      return { dot: product, cosine: product / size, l2: -distance }[shape.metric];
    });
    // of half the values only their span is known
    expect(correlation([...scores], exact)).toBeGreaterThan(shape.projection ? 0.5 : 0.97);
  });
});

function correlation(a: readonly number[], b: readonly number[]): number {
  const centred = (values: readonly number[]): number[] => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return values.map((value) => value - mean);
  };
  const [x, y] = [centred(a), centred(b)];
  return x.reduce((sum, value, i) => sum + value * y[i]!, 0) / (Math.hypot(...x) * Math.hypot(...y));
}

test("a graph in another order finds the same rows", () => {
  const shape = shapeOf(32, 32);
  const graph = new WasmGraph(kernels(), shape);
  graph.place(0, gaussians(ROWS, 32, 5));
  graph.enter(Uint32Array.of(0));
  for (const batch of batches(1, ROWS)) graph.link(batch, 1.1, 20);
  const queries = gaussians(5, 32, 8);
  const options = { k: 5, effort: 20, kept: 20 };
  const before = graph.search(queries, options).rows.slice();
  const order = Uint32Array.from({ length: ROWS }, (_, i) => (i * 77) % ROWS);
  graph.reorder(order);
  expect([...graph.search(queries, options).rows].map((row) => order[row])).toEqual([...before]);
  graph[Symbol.dispose]();
});

test("long lists are kept in order", () => {
  const shape = shapeOf(32, 32, { room: 256, fineBits: 0 });
  using graph = new WasmGraph(kernels(), shape);
  graph.place(0, gaussians(ROWS, 32, 5));
  graph.enter(Uint32Array.of(0));
  for (const batch of batches(1, ROWS)) graph.link(batch, 1.1, 20);
  const all = Uint32Array.from({ length: ROWS }, (_, i) => i);
  for (let q = 0; q < 10; q++) {
    const query = gaussians(1, 32, 20 + q);
    const every = graph.score(query, all).slice();
    for (const effort of [0, ROWS]) {
      const { rows, scores } = graph.search(query, { k: 150, effort, kept: 150 });
      const right = [...every].sort((a, b) => b - a).slice(0, 150);
      // a walk may not reach all rows
      const found = [...rows].filter((row) => row !== NO_ROW);
      expect([...scores].slice(0, found.length)).toEqual(
        found.map((row) => every[row]!).sort((a, b) => b - a),
      );
      expect(found.filter((row) => right.includes(every[row]!)).length).toBeGreaterThanOrEqual(
        effort === 0 ? 150 : 135,
      );
      expect(new Set(found).size).toBe(found.length);
    }
  }
});

test("a shape that does not fit together is refused", () => {
  expect(() => new WasmGraph(kernels(), shapeOf(32, 32, { degree: 64 }))).toThrow(/degree 64/);
  expect(() => new WasmGraph(kernels(), { ...shapeOf(32, 32), dims: 24 })).toThrow(/24 coarse dimensions/);
  expect(() => new WasmGraph(kernels(), { ...shapeOf(32, 32), coarseBits: 4 })).toThrow(/4 bits each/);
});
