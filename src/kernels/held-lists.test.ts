import fc from "fast-check";
import { expect, test } from "vitest";
import { HeldLists, kernels, listsOf } from "./index.ts";

const STATISTICS = { average: 20, k1: 1.2, b: 0.75 };

/** `count` postings in the only block, a byte each: gaps of 0, frequencies of 1. */
const listOf = (count: number): Uint8Array => new Uint8Array(count).fill(1);

const lengthsOf = (rows: number) => {
  const lengths = kernels().arena.alloc(2 * rows);
  lengths.u16().fill(20);
  return lengths;
};

test("lists stay as they were put for as long as their lease, and one generation longer", () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant("put" as const), count: fc.integer({ min: 1, max: 128 }) }),
      fc.record({ kind: fc.constant("ask" as const), which: fc.nat() }),
      fc.record({ kind: fc.constant("lease" as const) }),
      fc.record({ kind: fc.constant("release" as const), which: fc.nat() }),
      fc.record({ kind: fc.constant("clear" as const) }),
    ),
    { maxLength: 120 },
  );
  fc.assert(
    fc.property(steps, (some) => {
      let told = 0;
      using held = new HeldLists(kernels(), 4096, (bytes) => {
        told = bytes;
      });
      using lengths = lengthsOf(200);
      const leases: { lease: Disposable; generation: number }[] = [];
      const take = () => leases.push({ lease: held.lease(STATISTICS), generation: held.generation });
      take();
      let known: { list: number; generation: number; count: number }[] = [];
      for (const step of some) {
        if (step.kind === "put") {
          const list = held.put(listsOf([listOf(step.count)]), 0, step.count, lengths);
          known.push({ list, generation: held.generation, count: step.count });
        } else if (step.kind === "ask" && known.length > 0) {
          const one = known[step.which % known.length]!;
          const list = held.renewed(one.list, one.generation);
          expect(list !== 0).toBe(held.holds(one.generation));
          if (list !== 0) known.push({ list, generation: held.generation, count: one.count });
        } else if (step.kind === "lease") take();
        else if (step.kind === "release")
          leases.splice(step.which % (leases.length + 1), 1)[0]?.lease[Symbol.dispose]();
        else if (step.kind === "clear") held.clear();
        const oldest = Math.min(held.generation, ...leases.map(({ generation }) => generation));
        known = known.filter(({ generation }) => generation >= oldest - 1);
        for (const { list, count } of known) expect([...held.listBytes(list)]).toEqual([...listOf(count)]);
        expect(told).toBe(held.bytes);
      }
    }),
    { seed: 31, numRuns: 60 },
  );
});

test("what nobody asks for gives way, what is asked for stays", () => {
  const limit = 1 << 16;
  using held = new HeldLists(kernels(), limit);
  using lengths = lengthsOf(200);
  let wanted = { list: 0, generation: 0 };
  let puts = 0;
  for (let query = 0; query < 2000; query++) {
    using _ = held.lease(STATISTICS);
    let list = held.renewed(wanted.list, wanted.generation);
    if (list === 0) {
      list = held.put(listsOf([listOf(100)]), 0, 100, lengths);
      puts++;
    }
    wanted = { list, generation: held.generation };
    held.put(listsOf([listOf(1 + (query % 128))]), 0, 1 + (query % 128), lengths);
    expect(held.bytes).toBeLessThan(2 * limit);
  }
  expect(puts).toBe(1);
});

test("other statistics let go of all, near ones of nothing", () => {
  using held = new HeldLists(kernels(), 1 << 16);
  using lengths = lengthsOf(200);
  const give = (average: number): number => {
    using _ = held.lease({ ...STATISTICS, average });
    return held.generation;
  };
  const first = give(20);
  const list = held.put(listsOf([listOf(5)]), 0, 5, lengths);
  give(20.1);
  expect(held.renewed(list, first)).toBe(list);
  give(30);
  expect(held.renewed(list, first)).toBe(0);
  expect(held.holds(first)).toBe(false);
});
