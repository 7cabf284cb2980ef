import { expect, test } from "vitest";
import {
  CubeIndex,
  decompose,
  evidenceOf,
  evidenceScale,
  evidenceSize,
  plainEvidence,
  searchCube,
} from "./index.ts";

const cube = new CubeIndex(["party", "word"]);
cube.add(0, { party: { Acme: 2 }, word: { contract: 3 } });
cube.add(1, { party: {}, word: { contract: 3, acme: 1 } });
cube.add(2, { party: { Sqiller: 1 }, word: { contract: 1 } });

async function evidence(question: string) {
  const components = decompose(cube, question);
  const { hits } = await searchCube(cube, components, { k: 3 });
  const scale = evidenceScale(hits, components, cube.size);
  return hits.map((hit) => ({ hit, of: evidenceOf(hit, cube.dimensions, scale) }));
}

test("evidence is told apart by dimension, by names and by how it matches, and adds up", async () => {
  const found = await evidence("Consider the contract of Acme");
  const rarest = Math.log(1 + cube.size) ** 2;
  for (const { hit, of } of found) {
    expect(of).toHaveLength(evidenceSize(cube.dimensions));
    const [all, names, others, exact, part, similar, covered, coveredNames, telling, party, word] = of;
    expect(all).toBeCloseTo(hit.score / rarest, 9);
    expect(names! + others!).toBeCloseTo(all!, 9);
    expect(exact! + part! + similar!).toBeCloseTo(all!, 9);
    expect(party! + word!).toBeCloseTo(all!, 9);
    expect(covered).toBeGreaterThanOrEqual(all!);
    expect(coveredNames).toBeLessThanOrEqual(covered!);
    expect(telling).toBeLessThanOrEqual(all!);
  }
  const { hit, of } = found[0]!;
  expect(hit.row).toBe(0);
  expect(of[1]).toBeCloseTo(of[9]!, 9); // Acme is the name and the party
  expect(of[8]).toBeCloseTo(of[1]!, 9); // and what tells most
  expect(of[1]).toBeGreaterThan(0);
});

test("plain weights leave the order of the cube as it is", async () => {
  const plain = plainEvidence(cube.dimensions, 5);
  const found = await evidence("contract of Acme and Sqiller");
  const scores = found.map(({ of }) => of.reduce((sum, value, i) => sum + value * plain[i]!, 0));
  expect(scores).toEqual([...scores].sort((a, b) => b - a));
  expect(scores[0]).toBeCloseTo((5 * found[0]!.hit.score) / Math.log(1 + cube.size) ** 2, 9);
});

test("a component that a row says once is covered as much as one that it says often", async () => {
  const rows = new CubeIndex(["party"]);
  rows.add(0, { party: { Acme: 9 } });
  rows.add(1, { party: { Acme: 1 } });
  const components = decompose(rows, "signed by Acme");
  const { hits } = await searchCube(rows, components, { k: 2 });
  const scale = evidenceScale(hits, components, rows.size);
  const [often, once] = hits.map((hit) => evidenceOf(hit, rows.dimensions, scale));
  expect(once![0]).toBeLessThan(often![0]!);
  expect(once![6]).toBeCloseTo(often![6]!, 12);
  expect(once![7]).toBeCloseTo(often![7]!, 12);
});

test("a capital is a name's where no sentence begins", () => {
  const names = (question: string) =>
    decompose(cube, question).map(({ text, isName = false }) => [text, isName]);
  expect(names("Acme signs. Contract with Sqiller")).toEqual([
    ["Acme", false],
    ["Contract", false],
    ["Sqiller", true],
  ]);
});
