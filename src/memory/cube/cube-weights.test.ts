import fc from "fast-check";
import { expect, test } from "vitest";
import { CubeIndex, decompose, EVIDENCE_KINDS, evidenceScale, searchCube } from "../../index/cube/index.ts";
import type { CubeFound } from "./ask-cube.ts";
import { type CubeWeights, weightsOf, weightsVector, withCube } from "./cube-weights.ts";

const DIMENSIONS = ["party", "place"];
const LABELS = ["Acme", "Oslo", "Lima"];

/** What a cube of random labels finds of a question with all of them. */
async function foundOf(labels: readonly (readonly number[])[]): Promise<CubeFound | undefined> {
  const index = new CubeIndex(DIMENSIONS);
  labels.forEach((ofIt, row) =>
    index.add(row, {
      party: Object.fromEntries(LABELS.map((label, i) => [label, ofIt[i]!])),
      place: Object.fromEntries(LABELS.map((label, i) => [label, ofIt[i + LABELS.length]!])),
    }),
  );
  const components = decompose(index, "Acme of Oslo or Lima");
  const { hits } = await searchCube(index, components, { k: 100 });
  if (hits.length === 0) return undefined;
  return {
    rows: Uint32Array.from(hits, ({ row }) => row).sort(),
    hits: new Map(hits.map((hit, i) => [hit.row, { ...hit, rank: i + 1 }])),
    best: hits[0]!.score,
    dimensions: index.dimensions,
    scale: () => evidenceScale(hits, components, index.size),
  };
}

const none = Object.fromEntries(EVIDENCE_KINDS.map((kind) => [kind, 0])) as CubeWeights["kinds"];
const cases = fc.array(fc.array(fc.nat({ max: 3 }), { minLength: 6, maxLength: 6 }), {
  minLength: 1,
  maxLength: 8,
});

test("weights of the share alone are the plain weight, whatever the labels", async () => {
  await fc.assert(
    fc.asyncProperty(cases, fc.double({ min: 0, max: 10, noNaN: true }), async (labels, weight) => {
      const found = await foundOf(labels);
      if (!found) return;
      const rows = Uint32Array.from(labels.keys());
      const scores = Float64Array.from(rows, (row) => ((row * 7) % 5) / 5);
      const learnt = { fused: 1, share: weight, kinds: none, dimensions: {} };
      const [plain, same] = [withCube(scores, rows, found, weight), withCube(scores, rows, found, learnt)];
      plain.forEach((score, i) => expect((1 + weight) * score).toBeCloseTo(same[i]!, 9));
    }),
    { seed: 17 },
  );
});

test("a dimension adds what its labels weigh, against the sum over the reasons", async () => {
  await fc.assert(
    fc.asyncProperty(cases, fc.double({ min: -3, max: 3, noNaN: true }), async (labels, weight) => {
      const found = await foundOf(labels);
      if (!found) return;
      const rows = Uint32Array.from(labels.keys());
      const learnt = { fused: 0, share: 0, kinds: none, dimensions: { place: weight } };
      const scores = withCube(new Float64Array(rows.length), rows, found, learnt);
      rows.forEach((row, i) => {
        const reasons = found.hits.get(row)?.reasons ?? [];
        const places = reasons.filter(({ dimension }) => dimension === "place");
        const sum = places.reduce((all, one) => all + one.weight, 0) / found.scale().rarest;
        expect(scores[i]).toBeCloseTo(weight * sum, 9);
      });
    }),
    { seed: 17 },
  );
});

test("weights keep their names, and a dimension that is new weighs nothing of its own", () => {
  const vector = Float64Array.from({ length: 2 + EVIDENCE_KINDS.length + 2 }, (_, i) => i + 0.5);
  const weights = weightsOf(vector, DIMENSIONS);
  expect(weightsVector(weights, DIMENSIONS)).toEqual(vector);
  expect(weights).toMatchObject({ fused: 0.5, share: 1.5, dimensions: { party: 11.5, place: 12.5 } });
  expect(weightsVector(weights, ["place", "date"]).slice(-2)).toEqual(Float64Array.of(12.5, 0));
});
