import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { kernels } from "../../../kernels/index.ts";
import { balancedTree, rowOf } from "../../../linalg/index.ts";
import { assignRows } from "./assign.ts";
import { chooseCopies, closureDefaults, mostCopies, type Replication, soarDefaults } from "./closure.ts";
import { encodeHeads, headCoder, ScannedHeads } from "./heads.ts";
import { ListCoder } from "./list-codes.ts";
import { ListQuery } from "./list-query.ts";
import { distance, exactNearest, gaussian, MadeUp } from "./made-up.test.support.ts";
import { MetricSpace } from "./metric-space.ts";
import { Points } from "./points.ts";
import { trained, wishFor } from "./posting-codes.ts";
import { isPruned } from "./prune.ts";
import { SeenRows } from "./seen-rows.ts";
import { SlotCache } from "./slot-cache.ts";

describe("list codes", () => {
  test.each([
    [16, "rabitq1"],
    [24, "rabitq1"],
    [128, "rabitq1"],
    [16, "pq4"],
    [21, "pq4x7"],
    [128, "pq4"],
    [128, "pq4x64-opq"],
  ])("of %i dimensions, %s: distances by both codes, wherever the centre lies", async (dim, codes) => {
    const directions = gaussian(600, dim, 8);
    kernels().normalizeF32(directions.data, dim);
    const coarseCodes = await trained(wishFor(codes, dim), dim, 5, async () => directions);
    const coder = new ListCoder(coarseCodes.codes);
    for (const offset of [0, 2]) {
      const rows = gaussian(70, dim, dim, offset);
      const centre = rowOf(gaussian(1, dim, 3, offset), 0);
      const { coarse, fine, radius } = coder.encode(rows.data, centre);
      const [query] = [rowOf(gaussian(1, dim, 4, offset), 0)];
      const { arena } = kernels();
      using lists = new ListQuery(coder, 0);
      using codes = arena.alloc(coarse.length + fine.length);
      using out = arena.alloc(96 * 4);
      codes.u8().set(coarse);
      codes.u8().set(fine, coarse.length);
      lists.set(query);
      const square = distance(query, centre);
      lists.scan(codes.pointer, 3, square, radius, out.pointer);
      let bias = 0;
      for (let r = 0; r < 70; r++) {
        const exact = distance(query, rowOf(rows, r));
        const place = codes.pointer + coarse.length + r * coder.fineBytes;
        const [found] = lists.distances(Uint32Array.of(place), Float32Array.of(square));
        expect(Math.abs(found! - exact) / exact).toBeLessThan(0.02);
        // a few times the deviation of 2 <q - c, r>
        const deviation = (2 * coder.coarse.spread * Math.sqrt(square) * radius) / Math.sqrt(dim);
        const wrong = (-out.f32()[r]! - exact) / deviation;
        expect(Math.abs(wrong)).toBeLessThan(6);
        bias += wrong / 70;
      }
      expect(Math.abs(bias)).toBeLessThan(1);
    }
  });

  test("decode what was encoded", () => {
    const rows = gaussian(9, 20, 1);
    const coder = headCoder(20, 5);
    const centre = new Float32Array(20).fill(0.25);
    const back = coder.decode(coder.encode(rows.data, centre).fine, centre);
    rows.data.forEach((value, i) => expect(back[i]).toBeCloseTo(value, 1));
    expect(() => headCoder(9000, 1)).toThrow("dimensions");
  });
});

test("ScannedHeads finds the nearest centres, in order", () => {
  const manifold = new MadeUp(96, 6);
  const centres = manifold.rows(2000);
  const { coder, mean, radius, coarse, fine } = encodeHeads(centres, 1);
  using heads = new ScannedHeads(coder, mean, radius, coarse, fine);
  const queries = manifold.queries(20);
  const truth = exactNearest(centres, queries, 20);
  let found = 0;
  for (let q = 0; q < 20; q++) {
    const query = rowOf(queries, q);
    const { lists, distances, count } = heads.nearest(query, 20);
    expect(count).toBe(20);
    expect([...distances].sort((a, b) => a - b)).toEqual([...distances]);
    expect(distances[0]).toBeCloseTo(distance(query, rowOf(centres, lists[0]!)), 1);
    const known = new Set(truth.subarray(q * 20, q * 20 + 20));
    found += lists.filter((list) => known.has(list)).length;
  }
  expect(found).toBeGreaterThan(0.9 * 400);
  expect(heads.nearest(rowOf(centres, 1), 9999).count).toBe(2000);
});

describe("replication", () => {
  const centres = gaussian(12, 5, 7);
  const candidatesOf = (row: Float32Array): Parameters<typeof chooseCopies>[1] => {
    const order = Uint32Array.from({ length: 12 }, (_, i) => i).sort(
      (a, b) => distance(row, rowOf(centres, a)) - distance(row, rowOf(centres, b)),
    );
    return {
      count: 12,
      centres: order,
      distances: Float32Array.from(order, (c) => distance(row, rowOf(centres, c))),
    };
  };
  const between = (a: number, b: number): number => distance(rowOf(centres, a), rowOf(centres, b));

  test("closure: near enough, and each nearer to the row than to another that is chosen", () => {
    for (let seed = 0; seed < 30; seed++) {
      const candidates = candidatesOf(rowOf(gaussian(1, 5, 50 + seed), 0));
      const chosen = new Uint32Array(16);
      const some = chooseCopies({ ...closureDefaults, reach: 1.5 }, candidates, between, chosen);
      const places = [...chosen.subarray(0, some)];
      expect(some).toBeLessThanOrEqual(4);
      for (const place of places) {
        expect(candidates.distances[place]!).toBeLessThanOrEqual(candidates.distances[0]! * 2.25 + 1e-6);
        for (const other of places)
          if (other < place)
            expect(between(candidates.centres[place]!, candidates.centres[other]!)).toBeGreaterThanOrEqual(
              candidates.distances[place]!,
            );
      }
    }
  });

  test("SOAR: the second list is that of least cost, worked out from the residuals", () => {
    for (let seed = 0; seed < 30; seed++) {
      const row = rowOf(gaussian(1, 5, 50 + seed), 0);
      const candidates = candidatesOf(row);
      const residual = (place: number): Float32Array =>
        row.map((x, i) => x - centres.data[candidates.centres[place]! * 5 + i]!);
      const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
      const first = residual(0);
      const cost = (place: number): number => {
        const second = residual(place);
        return dot(second, second) + dot(second, first) ** 2 / dot(first, first);
      };
      const chosen = new Uint32Array(16);
      expect(chooseCopies(soarDefaults, candidates, between, chosen)).toBe(2);
      const costs = Array.from({ length: 11 }, (_, i) => cost(i + 1));
      expect(cost(chosen[1]!)).toBeCloseTo(Math.min(...costs), 3);
    }
  });

  test.each([{ rule: "single" }, soarDefaults, closureDefaults] as Replication[])(
    "%j: each row in a list, none twice in one, none over the limit",
    async (replication) => {
      const rows = gaussian(3000, 8, 11);
      const tree = balancedTree(rows, { leafRows: 20 });
      const points = new Points(rows, new MetricSpace("l2", 8), 1);
      const { starts, rows: held } = await assignRows(points, tree, replication, 40);
      expect(new Set(held).size).toBe(3000);
      expect(held.length).toBeLessThanOrEqual(3000 * mostCopies(replication));
      for (let l = 0; l < tree.leaves.rows; l++) {
        const own = [...held.subarray(starts[l]!, starts[l + 1]!)];
        expect(own.length).toBeLessThanOrEqual(40);
        expect(new Set(own).size).toBe(own.length);
      }
    },
  );
});

test("pruning: ratios are of distances, though distances come squared", () => {
  expect(isPruned({ rule: "ratio", most: 2 }, 3.9, 1, 0.1)).toBe(false);
  expect(isPruned({ rule: "ratio", most: 2 }, 4.1, 1, 9)).toBe(true);
  expect(isPruned({ rule: "kth", most: 2 }, 4.1, 1, 1)).toBe(true);
  expect(isPruned({ rule: "kth", most: 2 }, 1e9, 1, Number.POSITIVE_INFINITY)).toBe(false);
  expect(isPruned({ rule: "none" }, 1e9, 0, 0)).toBe(false);
});

test("SeenRows is a set that is emptied at no cost", () => {
  const seen = new SeenRows();
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 3000 }), (rows) => {
      seen.clear();
      const known = new Set<number>();
      for (const row of rows) {
        expect(seen.add(row)).toBe(!known.has(row));
        known.add(row);
      }
    }),
    { numRuns: 30, seed: 1 },
  );
});

test("SlotCache keeps what was put until it needs the room, and never refills a slot in use", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 30 }), fc.constantFrom("ask", "turn", "drop")), {
        maxLength: 400,
      }),
      (capacity, steps) => {
        using cache = new SlotCache(8, capacity);
        const inTurn = new Set<number>();
        const bytesAt = (pointer: number): number => new Uint8Array(kernels().arena.buffer)[pointer]!;
        for (const [key, verb] of steps) {
          if (verb === "turn") {
            cache.begin();
            inTurn.clear();
          } else if (verb === "drop") {
            cache.drop(key);
            inTurn.delete(key);
            expect(cache.find(key)).toBe(-1);
          } else {
            const known = cache.find(key);
            if (inTurn.has(key)) expect(known).toBeGreaterThan(0);
            const pointer = known < 0 ? cache.put(key, Uint8Array.of(key)) : known;
            if (pointer < 0) expect(inTurn.size).toBe(capacity);
            else {
              expect(bytesAt(pointer)).toBe(key);
              inTurn.add(key);
            }
          }
        }
      },
    ),
    { numRuns: 60, seed: 2 },
  );
  expect(() => new SlotCache(8, 0)).toThrow("slots");
});
