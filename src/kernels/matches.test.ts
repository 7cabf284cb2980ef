import { describe, expect, it } from "vitest";
import { imaginaryAt } from "./fft.ts";
import { complexBytes, convolve, DEAD, kernels, matchesOf, WasmFft, WasmMatches } from "./index.ts";

/** Whole numbers that look random. */
function numbers(length: number, below: number, seed: number): Uint32Array {
  let state = seed;
  return Uint32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  });
}

describe("WasmFft", () => {
  it.each([16, 32, 64, 128, 256, 512, 1024])("convolves %i values", (length) => {
    using fft = new WasmFft(kernels(), length);
    using rows = kernels().arena.alloc(3 * complexBytes(length));
    const [a, b] = [numbers(length, 9, 1), numbers(length, 9, 2)];
    const row = complexBytes(length) / 4;
    const values = rows.f32().fill(0);
    values.set(a);
    values.set(b, row);
    const at = (place: number): number => rows.pointer + place * complexBytes(length);
    fft.forward(at(0));
    fft.forward(at(1));
    fft.multiply(at(0), at(1), at(2), false);
    fft.inverse(at(2));
    const found = [...rows.f32().subarray(2 * row, 2 * row + length)];
    expect(found.map((value) => Math.round(value / length))).toEqual(convolve(a, b));
  });

  // cut by a stage or two before what is left of them stays in the cache
  it.each([1 << 15, 1 << 16, 1 << 17, 1 << 18])("shifts %i values by ones", (length) => {
    using fft = new WasmFft(kernels(), length);
    using rows = kernels().arena.alloc(2 * complexBytes(length));
    const a = numbers(length, 9, 4);
    const shifts = numbers(3, length, 5);
    const row = complexBytes(length) / 4;
    const values = rows.f32().fill(0);
    values.set(a);
    for (const shift of shifts) values[row + shift]!++;
    const other = rows.pointer + complexBytes(length);
    fft.forward(rows.pointer);
    fft.forward(other);
    fft.multiply(rows.pointer, other, other, false);
    fft.inverse(other);
    const found = Uint32Array.from(values.subarray(row, row + length), (value) => Math.round(value / length));
    const at = (place: number): number => a[(place + length) % length]!;
    expect(found).toEqual(a.map((_, i) => shifts.reduce((sum, shift) => sum + at(i - shift), 0)));
  });

  it("adds products, and gives a complex row back", () => {
    const length = 64;
    using fft = new WasmFft(kernels(), length);
    using rows = kernels().arena.alloc(2 * complexBytes(length));
    const values = rows.f32();
    const row = Float32Array.from(numbers(complexBytes(length) / 4, 100, 3));
    values.set(row);
    const sum = rows.pointer + complexBytes(length);
    fft.forward(rows.pointer);
    // a one at the start convolves to the row itself
    values.fill(0, row.length)[row.length] = 1;
    fft.forward(sum);
    fft.multiply(rows.pointer, sum, sum, false);
    fft.multiply(rows.pointer, rows.pointer, rows.pointer, false);
    fft.inverse(sum);
    for (const from of [0, imaginaryAt(length) / 4])
      for (let i = from; i < from + length; i++)
        expect(values[row.length + i]! / length).toBeCloseTo(row[i]!, 2);
  });

  it("refuses other lengths", () => {
    for (const length of [0, 8, 48, 2 ** 27])
      expect(() => new WasmFft(kernels(), length)).toThrow(/a power of two/);
  });
});

describe("WasmMatches", () => {
  // alphabets of one, two and four bytes a symbol; lengths around the lanes, and one beyond what a byte counts
  const cases = [
    [4, 1, 1],
    [4, 5, 5],
    [4, 7, 300],
    [20, 300, 1000],
    [300, 600, 900],
    [70_000, 70_100, 70_300],
  ] as const;

  it.each(cases)("counts %i symbols, %i beside %i", (symbols, length, room) => {
    const all = Uint32Array.from({ length }, (_, i) => (i < symbols ? i : numbers(1, symbols, i)[0]!));
    const size = Math.min(symbols, length);
    const pattern = all.map((symbol) => symbol % size);
    const text = numbers(room, size + 1, 5).map((symbol) => (symbol === size ? DEAD : symbol));
    const expected = room > 10_000 ? undefined : matchesOf(text, pattern);
    using matches = new WasmMatches(kernels(), pattern, size, room);
    matches.load(text);
    matches.addAll();
    const compared = [...matches.counts];
    if (expected) expect(compared).toEqual(expected);
    matches.load(text);
    matches.addPairs(0, size);
    expect([...matches.counts]).toEqual(compared);
    const half = size >> 1;
    matches.load(text);
    matches.addPairs(0, half);
    matches.addPairs(half, size);
    expect([...matches.counts]).toEqual(compared);
    const most = pattern.length - Math.max(...compared);
    const found: number[] = [];
    matches.scan(most, 10, found);
    const places = compared.flatMap((equal, at) =>
      pattern.length - equal <= most ? [at + 10, pattern.length - equal] : [],
    );
    expect(found).toEqual(places);
    compared
      .slice(0, 50)
      .forEach((equal, at) => expect(matches.at(at, pattern.length)).toBe(pattern.length - equal));
  });
});
