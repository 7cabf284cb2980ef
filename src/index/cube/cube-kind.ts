/** What a segment keeps of its cube: for each dimension the labels with their cells. Parts: `labels0`, `labels1` ... in the order of the dimensions. */
import type { RowSet } from "../row-set.ts";
import { mergePlan, type Parts, type SegmentInput } from "../segment.ts";
import { Cell } from "./cell.ts";
import { CubeIndex, isOnce, type Labels } from "./cube-index.ts";
import { THEME } from "./extract/themes.ts";
import { encodeLabels, type LabelEntry, LabelTable } from "./label-table.ts";

/** From so many rows it is told which phrases the corpus uses, and the others are dropped. */
const CORPUS_ROWS = 256;

export const labelsPart = (dimension: number): string => `labels${dimension}`;

/** Parts of rows that have these labels, by ordinal. @throws MnemeError ARGUMENT, RANGE as `CubeIndex.add` */
export function buildCube(dimensions: readonly string[], rows: readonly Labels[]): Parts {
  const cube = new CubeIndex(dimensions);
  rows.forEach((labels, ordinal) => cube.add(ordinal, labels));
  if (rows.length >= CORPUS_ROWS && dimensions.includes(THEME)) cube.dropOnce(THEME);
  return new Map(dimensions.map((name, i) => [labelsPart(i), encodeLabels(cube.stored(name))]));
}

/** Rows that are not in `live` are dropped, and labels that then have none. */
export function mergeCubes(
  dimensions: readonly string[],
  inputs: readonly SegmentInput[],
  live: RowSet,
): Parts {
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
  dimensions.forEach((name, dimension) => {
    const merged = new Map<string, LabelEntry>();
    inputs.forEach((input, i) => {
      mergeInto(merged, new LabelTable(input.parts.get(labelsPart(dimension))!), places[i]!);
    });
    const isDropped = name === THEME && first >= CORPUS_ROWS;
    const worth = [...merged.values()].filter(({ key, cell }) => !(isDropped && isOnce(key, cell)));
    parts.set(labelsPart(dimension), encodeLabels(worth));
  });
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
