/** The cube of segments against one index in memory: the same rows under the same labels, through merges and a tail. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { RowSet } from "../row-set.ts";
import { contiguousRows, memorySegment, rowIdsOf } from "../segment.ts";
import { buildCube, CubeIndex, type Labels, labelKey, mergeCubes, SegmentedCube } from "./index.ts";
import { encodeLabels, LabelTable } from "./label-table.ts";

const DIMENSIONS = ["place", "word"];
const labels = fc.record({
  place: fc.dictionary(
    fc.constantFrom("Rome", "The Rome", "Oslo", "São Paulo"),
    fc.integer({ min: 1, max: 5 }),
  ),
  word: fc.dictionary(fc.string({ minLength: 1, maxLength: 3 }), fc.integer({ min: 1, max: 300 })),
});

function expectSame(segmented: SegmentedCube, index: CubeIndex): void {
  for (const dimension of DIMENSIONS) {
    expect([...segmented.keys(dimension)].sort()).toEqual([...index.keys(dimension)].sort());
    for (const key of index.keys(dimension)) {
      const [a, b]: [number, number][][] = [[], []];
      segmented.each(dimension, key, (row, times) => a!.push([row, times]));
      index.each(dimension, key, (row, times) => b!.push([row, times]));
      expect(a).toEqual(b);
      expect(segmented.count(dimension, key)).toBe(index.count(dimension, key));
      expect(labelKey(segmented.labelOf(dimension, key)!)).toBe(key);
    }
  }
}

it("has the rows of each label in segments, merged ones and the tail", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(labels, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 }),
      fc.array(labels, { maxLength: 3 }),
      fc.infiniteStream(fc.boolean()),
      async (runs, tail, lives) => {
        const index = new CubeIndex(DIMENSIONS);
        const live = new RowSet();
        const cube = new SegmentedCube(DIMENSIONS);
        let row = 10;
        const inputs = runs.map((run) => {
          const rows = contiguousRows(row, run.length);
          for (const one of run) {
            if (lives.next().value) {
              live.add(row);
              index.add(row, one);
            }
            row++;
          }
          row += 5;
          return { rows, parts: buildCube(DIMENSIONS, run) };
        });
        const merged = mergeCubes(DIMENSIONS, inputs, live);
        await cube.attach(memorySegment(1, rowIdsOf([...live]), merged));
        // the tail's rows come in another order than they have
        const order = tail.map((one, i) => [row + i, one] as const);
        for (const [at, one] of order) index.add(at, one);
        for (const [at, one] of order.reverse()) cube.append(at, one);
        expectSame(cube, index);
        cube.detach(1);
        expect(cube.size).toBe(tail.length);
      },
    ),
    { numRuns: 60, seed: 11 },
  );
});

it("drops phrases that one of many rows has once", () => {
  const rows: Labels[] = Array.from({ length: 300 }, (_, i) => ({
    theme: { [`phrase ${i}`]: 1, [`twice ${i}`]: 2, "in all": 1, [`word${i}`]: 1 },
  }));
  const table = new LabelTable(buildCube(["theme"], rows).get("labels0")!);
  expect(table.find("phrase 7")).toBe(-1);
  for (const key of [labelKey("twice 7"), labelKey("in all"), "word7"])
    expect(table.find(key)).toBeGreaterThanOrEqual(0);
});

it("refuses damaged bytes by name", () => {
  const bytes = encodeLabels(new CubeIndex(["a"]).stored("a"));
  expect(new LabelTable(bytes).count).toBe(0);
  expect(() => new LabelTable(Uint8Array.of(9, 0, 0, 0))).toThrow(/not those of 9 labels/);
  expect(() => new LabelTable(new Uint8Array(0))).toThrow(/not those of 0 labels/);
});
