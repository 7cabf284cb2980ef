import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PieceTable, piecesOf } from "./text-pieces.ts";

const sizes = fc
  .record({ overlapBytes: fc.integer({ min: 0, max: 20 }), step: fc.integer({ min: 1, max: 40 }) })
  .map(({ overlapBytes, step }) => ({ overlapBytes, pieceBytes: 2 * overlapBytes + step }));

describe("pieces of texts", () => {
  test("cover a text; every stretch up to the overlap and a byte is whole in one, and in two only where they share it", () => {
    const property = fc.property(fc.nat(400), sizes, (length, given) => {
      const pieces = [...piecesOf(length, given)];
      expect(pieces[0]![0]).toBe(0);
      expect(pieces.at(-1)![1]).toBe(length);
      for (const [i, [start, end]] of pieces.entries()) {
        expect(end - start).toBeLessThanOrEqual(given.pieceBytes);
        if (i > 0) expect(start).toBe(pieces[i - 1]![1] - given.overlapBytes);
      }
      const most = given.overlapBytes + 1;
      for (let at = 0; at + most <= length; at++) {
        const whole = pieces.filter(([start, end]) => start <= at && at + most <= end);
        expect(whole.length).toBe(1);
      }
    });
    fc.assert(property, { numRuns: 100, seed: 57 });
  });

  test("a table tells texts and bytes of documents, also after it was stored", () => {
    const property = fc.property(fc.array(fc.nat(300), { maxLength: 30 }), sizes, (lengths, given) => {
      const pairs: number[] = [];
      const wanted: [text: number, start: number, shared: number][] = [];
      for (const [text, length] of lengths.entries()) {
        const pieces = [...piecesOf(length, given)];
        for (const [i, [start]] of pieces.entries()) {
          if (i > 0) pairs.push(wanted.length, start);
          wanted.push([text, start, (pieces[i + 1]?.[0] ?? Number.POSITIVE_INFINITY) - start]);
        }
      }
      const table = PieceTable.decode(PieceTable.encode(pairs));
      expect(table.count).toBe(wanted.length - lengths.length);
      for (const [document, [text, start, shared]] of wanted.entries()) {
        expect(table.placeOf(document)).toEqual({ text, start });
        expect(table.sharedFrom(document)).toBe(shared);
      }
      expect([...table.cuts()].map(({ text, start }) => [text, start])).toEqual(
        wanted.filter(([, start]) => start > 0).map(([text, start]) => [text, start]),
      );
    });
    fc.assert(property, { numRuns: 100, seed: 57 });
  });

  test("a damaged table is refused", () => {
    for (const bytes of [
      [1, 0, 0, 0],
      [2, 0, 0, 0, 9, 0, 0, 0, 2, 0, 0, 0, 9, 0, 0, 0],
      [0, 0, 0, 0, 9, 0, 0, 0],
    ])
      expect(() => PieceTable.decode(Uint8Array.from(bytes))).toThrow(/not in order/);
  });
});
