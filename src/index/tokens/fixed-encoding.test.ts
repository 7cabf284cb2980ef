import { describe, expect, it } from "vitest";
import { matrix } from "../../linalg/matrix.ts";
import { FixedEncoding } from "./fixed-encoding.ts";
import { madeUpSets, plainMaxSim } from "./made-up.test.support.ts";

const DIM = 32;
const sets = madeUpSets(200, DIM, 10, 9);

function product(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, x, i) => sum + x * b[i]!, 0);
}

/** Correlation of the encodings' products with MaxSim. */
function correlation(encoding: FixedEncoding): number {
  const documents = sets.map((set) => encoding.document(set));
  const pairs = sets.slice(0, 15).flatMap((query) => {
    const asked = encoding.query(query);
    return sets.map(
      (set, d) => [product(asked, documents[d]!) / query.rows, plainMaxSim(query, set) / query.rows] as const,
    );
  });
  const mean = (of: 0 | 1): number => pairs.reduce((sum, pair) => sum + pair[of], 0) / pairs.length;
  const [x, y] = [mean(0), mean(1)];
  const moment = (a: 0 | 1, b: 0 | 1): number =>
    pairs.reduce((sum, pair) => sum + (pair[a] - (a ? y : x)) * (pair[b] - (b ? y : x)), 0);
  return moment(0, 1) / Math.sqrt(moment(0, 0) * moment(1, 1));
}

describe("fixed encodings", () => {
  it("have products near MaxSim, nearer with more repetitions", () => {
    const few = correlation(
      new FixedEncoding(DIM, { repetitions: 1, planes: 3, projected: 8, width: 1 << 20 }),
    );
    const many = correlation(
      new FixedEncoding(DIM, { repetitions: 16, planes: 3, projected: 8, width: 1 << 20 }),
    );
    expect(many).toBeGreaterThan(few);
    expect(many).toBeGreaterThan(0.8);
  });

  it("are the products themselves where one vector meets one", () => {
    const encoding = new FixedEncoding(DIM, { repetitions: 2, planes: 2, projected: DIM, width: 1 << 20 });
    const [a, b] = [matrix(1, DIM, sets[0]!.data.slice(0, DIM)), matrix(1, DIM, sets[1]!.data.slice(0, DIM))];
    // one document vector fills every cell, so a query's meets it in each repetition
    expect(product(encoding.query(a), encoding.document(b))).toBeCloseTo(2 * product(a.data, b.data), 4);
  });

  it("sum a query's vectors, average a document's, and depend on the seed alone", () => {
    const encoding = new FixedEncoding(DIM, { seed: 4, width: 512 });
    expect(encoding.width).toBe(512);
    expect(new FixedEncoding(DIM, { repetitions: 2, planes: 1, projected: 8 }).width).toBe(32);
    const one = matrix(1, DIM, sets[0]!.data.slice(0, DIM));
    const twice = matrix(2, DIM, Float32Array.from([...one.data, ...one.data]));
    const sum = encoding.query(twice);
    encoding.query(one).forEach((x, i) => expect(sum[i]).toBeCloseTo(2 * x, 4));
    const average = encoding.document(twice);
    encoding.document(one).forEach((x, i) => expect(average[i]).toBeCloseTo(x, 4));
    expect(new FixedEncoding(DIM, { seed: 4, width: 512 }).query(one)).toEqual(encoding.query(one));
    expect(new FixedEncoding(DIM, { seed: 5, width: 512 }).query(one)).not.toEqual(encoding.query(one));
  });

  it("refuse numbers out of range", () => {
    expect(() => new FixedEncoding(DIM, { planes: 13 })).toThrow(/planes/);
    expect(() => new FixedEncoding(DIM, { repetitions: 0 })).toThrow(/repetitions/);
  });
});
