/** SynthKV: what the text of the benchmark promises of its numbers, and the error against attention written out. */
import { describe, expect, test } from "vitest";
import { attend, attentionError, type SynthKv, type SynthKvOptions, synthKv } from "./index.ts";

const SMALL: SynthKvOptions = { prompt: 512, decode: 32, heads: 4 };
const data = synthKv(SMALL);
const { dim, prompt } = data.options;

const rowAt = (rows: Float32Array, t: number): Float32Array => rows.slice(t * dim, (t + 1) * dim);
/** A key as it was before rotation. */
const plainKey = (of: SynthKv, head: number, t: number): Float32Array => {
  const row = rowAt(of.heads[head]!.keys, t);
  of.unrotate(row, t);
  return row;
};
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

describe("SynthKV", () => {
  test("one seed, one set of numbers", () => {
    expect(synthKv(SMALL).heads[3]!.keys).toEqual(data.heads[3]!.keys);
    expect(synthKv({ ...SMALL, seed: 1 }).heads[3]!.keys).not.toEqual(data.heads[3]!.keys);
  });

  test("rotation turns back, and products depend on distance alone", () => {
    const [a, b] = [rowAt(data.heads[0]!.values, 5), rowAt(data.heads[0]!.values, 6)];
    const product = (p: number, q: number): number => {
      const [x, y] = [a.slice(), b.slice()];
      data.rotate(x, p);
      data.rotate(y, q);
      return x.reduce((sum, value, i) => sum + value * y[i]!, 0);
    };
    expect(product(900, 890)).toBeCloseTo(product(10, 0), 3);
    const turned = a.slice();
    data.rotate(turned, 77);
    data.unrotate(turned, 77);
    turned.forEach((value, i) => expect(value).toBeCloseTo(a[i]!, 4));
  });

  test("keys have channels of a large constant, twelve that are one, and long sinks", () => {
    const channel = (i: number): number[] =>
      Array.from({ length: prompt - 4 }, (_, t) => plainKey(data, 1, t + 4)[i]!);
    for (const i of [30, 31, 62, 63]) {
      const size = Math.abs(mean(channel(i)));
      expect(size).toBeGreaterThan(7.9);
      expect(size).toBeLessThan(14.1);
    }
    for (let i = 0; i < 12; i++) expect(mean(channel(i))).toBeCloseTo(1, 0);
    for (let i = 12; i < 20; i++) expect(Math.abs(mean(channel(i)))).toBeLessThan(0.1);
    const content = (t: number): number =>
      Math.hypot(...[...plainKey(data, 1, t)].filter((_, i) => i % 32 >= 20 && i % 32 < 30));
    for (let t = 0; t < 4; t++) expect(content(t)).toBeCloseTo(8, 0);
  });

  test("neighbours are as alike as the topic says", () => {
    const alike = (topic: number): number => {
      const made = synthKv({ ...SMALL, topic });
      const rows = Array.from({ length: prompt - 4 }, (_, t) =>
        [...plainKey(made, 0, t + 4)].filter((_, i) => i % 32 >= 20 && i % 32 < 30),
      );
      const dot = (a: number[], b: number[]): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
      return mean(rows.slice(1).map((row, i) => dot(row, rows[i]!))) / mean(rows.map((row) => dot(row, row)));
    };
    expect(alike(0.9)).toBeGreaterThan(0.6);
    expect(alike(0.1)).toBeLessThan(0.3);
  });

  test("half of the last queries ask; in the hidden setting none before", () => {
    const asking = synthKv({ ...SMALL, decode: 400, heads: 8 }).asking;
    for (const list of asking) expect(Math.abs(list.length / 400 - 0.5)).toBeLessThan(0.1);
    // what is asked for is longer than a topic: 1.3 of it
    const sizes = (of: SynthKv): number => {
      const queries = Array.from({ length: 32 }, (_, i) => {
        const row = rowAt(of.heads[0]!.queries, prompt - 32 + i);
        of.unrotate(row, prompt - 32 + i);
        return row;
      });
      // a topic's neighbours are alike: their differences are small until needles come between
      return mean(
        queries.slice(1).map((row, i) => Math.hypot(...row.map((value, j) => value - queries[i]![j]!))),
      );
    };
    expect(sizes(synthKv({ ...SMALL, setting: "seen" }))).toBeGreaterThan(1.5 * sizes(data));
  });

  test("attention is the softmax over all parts; a count weighs as so many slots", () => {
    const { queries, keys, values } = data.heads[0]!;
    const query = rowAt(queries, 20);
    const parts = [
      { keys: keys.subarray(0, 7 * dim), values: values.subarray(0, 7 * dim) },
      { keys: keys.subarray(7 * dim, 21 * dim), values: values.subarray(7 * dim, 21 * dim) },
    ];
    const weights = Array.from({ length: 21 }, (_, s) =>
      Math.exp(rowAt(keys, s).reduce((sum, key, i) => sum + key * query[i]!, 0) / Math.sqrt(dim)),
    );
    const sum = weights.reduce((a, b) => a + b, 0);
    attend(query, parts).forEach((value, i) => {
      const wanted = weights.reduce((total, weight, s) => total + weight * values[s * dim + i]!, 0) / sum;
      expect(value).toBeCloseTo(wanted, 6);
    });
    const one = { keys: rowAt(keys, 5), values: rowAt(values, 5) };
    const twice = attend(query, [one, one, parts[1]!]);
    const counted = attend(query, [{ ...one, counts: Float32Array.of(2) }, parts[1]!]);
    counted.forEach((value, i) => expect(value).toBeCloseTo(twice[i]!, 6));
  });

  test("the whole prompt has no error, no prompt a large one", () => {
    const kept = data.heads.map(({ keys, values }) => ({
      keys: keys.subarray(0, prompt * dim),
      values: values.subarray(0, prompt * dim),
    }));
    expect(attentionError(data, kept)).toEqual({ error: 0, needle: 0 });
    const empty = data.heads.map(() => ({ keys: new Float32Array(0), values: new Float32Array(0) }));
    const { error } = attentionError(data, empty);
    expect(error).toBeGreaterThan(0.5);
    // by the definition: each head's rows together
    const tail = prompt * dim;
    const heads = data.heads.map(({ queries, keys, values }) => {
      let [off, all] = [0, 0];
      for (let t = prompt; t < prompt + 32; t++) {
        const query = rowAt(queries, t);
        const whole = attend(query, [
          { keys: keys.subarray(0, (t + 1) * dim), values: values.subarray(0, (t + 1) * dim) },
        ]);
        const left = attend(query, [
          { keys: keys.subarray(tail, (t + 1) * dim), values: values.subarray(tail, (t + 1) * dim) },
        ]);
        off += whole.reduce((sum, value, i) => sum + (value - left[i]!) ** 2, 0);
        all += whole.reduce((sum, value) => sum + value ** 2, 0);
      }
      return Math.sqrt(off / all);
    });
    expect(error).toBeCloseTo(mean(heads), 8);
  });

  test("refuses sizes that have no room for what it plants", () => {
    expect(() => synthKv({ prompt: 100 })).toThrow(/prompt is 100/);
    expect(() => synthKv({ dim: 40 })).toThrow(/dim is 40/);
    expect(() => synthKv({ topic: 1 })).toThrow(/topic is 1/);
    expect(() => synthKv({ setting: "other" as "seen" })).toThrow(/hidden, seen/);
    expect(() => synthKv({ heads: 0 })).toThrow(/heads is 0/);
  });
});
