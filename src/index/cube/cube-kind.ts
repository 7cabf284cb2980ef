/** What a segment keeps of its cube: for each dimension the labels with their cells. Parts: `labels0`, `labels1` ... in the order of the dimensions. */
import type { RowSet } from "../row-set.ts";
import { mergePlan, type Parts, type SegmentInput } from "../segment.ts";
import { Cell } from "./cell.ts";
import { CubeIndex, type Labels } from "./cube-index.ts";
import { encodeLabels, type LabelEntry, LabelTable } from "./label-table.ts";

export const labelsPart = (dimension: number): string => `labels${dimension}`;

/** Parts of rows that have these labels, by ordinal. @throws MnemeError ARGUMENT, RANGE as `CubeIndex.add` */
export function buildCube(dimensions: readonly string[], rows: readonly Labels[]): Parts {
  const cube = new CubeIndex(dimensions);
  rows.forEach((labels, ordinal) => cube.add(ordinal, labels));
  return new Map(dimensions.map((name, i) => [labelsPart(i), encodeLabels(cube.stored(name))]));
}

/** Rows that are not in `live` are dropped, and labels that then have none. */
export function mergeCubes(dimensions: number, inputs: readonly SegmentInput[], live: RowSet): Parts {
  const { kept } = mergePlan(inputs, live);
  let first = 0;
  const places = inputs.map(({ rows }, i) => {
    const places = new Int32Array(rows.count).fill(-1);
    kept[i]!.forEach((ordinal, place) => {
      places[ordinal] = first + place;
    });
    first += kept[i]!.length;
    return places;
  });
  const parts: Parts = new Map();
  for (let dimension = 0; dimension < dimensions; dimension++) {
    const merged = new Map<string, LabelEntry>();
    inputs.forEach((input, i) => {
      mergeInto(merged, new LabelTable(input.parts.get(labelsPart(dimension))!), places[i]!);
    });
    parts.set(labelsPart(dimension), encodeLabels(merged.values()));
  }
  return parts;
}

function mergeInto(merged: Map<string, LabelEntry>, table: LabelTable, places: Int32Array): void {
  for (let number = 0; number < table.count; number++) {
    const key = table.keyAt(number);
    let entry = merged.get(key);
    table.each(number, (ordinal, times) => {
      if (places[ordinal]! < 0) return;
      if (!entry) {
        entry = { key, label: table.labelAt(number), cell: new Cell() };
        merged.set(key, entry);
      }
      entry.cell.push(places[ordinal]!, times);
    });
  }
}
