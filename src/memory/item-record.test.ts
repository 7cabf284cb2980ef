/** Records: what was written comes back, a passage at a time, in whatever order passages are asked for and however often. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  decodeItemRecord,
  encodeItemRecord,
  type ItemRecord,
  type PassagePlace,
  passagePlace,
} from "./item-record.ts";
import type { ItemHead } from "./types.ts";

const head = { id: "item", title: "Title", meta: { year: 2020 } } as unknown as ItemHead;

interface Passage {
  readonly gap: number;
  readonly length: number;
  readonly wide: number;
  readonly heading: number;
  readonly page: number;
}

function placesOf(passages: readonly Passage[]): PassagePlace[] {
  let [start, startByte, line] = [0, 0, 1];
  return passages.map(({ gap, length, wide, heading, page }) => {
    start += gap;
    startByte += gap;
    line += gap;
    const place = {
      start,
      end: start + length,
      startByte,
      endByte: startByte + length + wide,
      line,
      heading,
      page,
    };
    start = place.end;
    startByte = place.endByte;
    return place;
  });
}

test("each passage has its place", () => {
  const passage = fc.record({
    gap: fc.nat(300),
    length: fc.nat(2000),
    wide: fc.constantFrom(0, 0, 7),
    heading: fc.nat(2),
    page: fc.nat(3),
  });
  fc.assert(
    fc.property(
      fc.array(passage, { minLength: 1, maxLength: 40 }),
      fc.array(fc.nat(45), { maxLength: 120 }),
      (passages, asked) => {
        const record: ItemRecord = { head, headings: [[], ["A"], ["A", "B"]], places: placesOf(passages) };
        const read = decodeItemRecord(encodeItemRecord(record));
        for (const number of asked) expect(passagePlace(read, number)).toEqual(record.places[number]);
        expect(read.places).toEqual(record.places);
        expect([read.head, read.headings]).toEqual([head, record.headings]);
      },
    ),
    { seed: 21, numRuns: 300 },
  );
});
