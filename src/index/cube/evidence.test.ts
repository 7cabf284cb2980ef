import { expect, test } from "vitest";
import { CubeIndex, decompose, evidenceOf, evidenceSize, plainEvidence, searchCube } from "./index.ts";

const cube = new CubeIndex(["party", "word"]);
cube.add(0, { party: { Acme: 2 }, word: { contract: 3 } });
cube.add(1, { party: {}, word: { contract: 3, acme: 1 } });
cube.add(2, { party: { Sqiller: 1 }, word: { contract: 1 } });

async function evidence(question: string) {
  const components = decompose(cube, question);
  const { hits } = await searchCube(cube, components, { k: 3 });
  return hits.map((hit) => ({ hit, of: evidenceOf(hit, components, cube.dimensions, hits[0]!.score) }));
}

test("evidence is told apart by dimension, by names and by how it matches, and adds up", async () => {
  const found = await evidence("Consider the contract of Acme");
  for (const { hit, of } of found) {
    expect(of).toHaveLength(evidenceSize(cube.dimensions));
    const [all, names, others, exact, part, similar, party, word] = of;
    expect(all).toBeCloseTo(hit.score / found[0]!.hit.score, 9);
    expect(names! + others!).toBeCloseTo(all!, 9);
    expect(exact! + part! + similar!).toBeCloseTo(all!, 9);
    expect(party! + word!).toBeCloseTo(all!, 9);
  }
  const { hit, of } = found[0]!;
  expect(hit.row).toBe(0);
  expect(of[1]).toBeCloseTo(of[6]!, 9); // Acme is the name and the party
  expect(of[1]).toBeGreaterThan(0);
});

test("plain weights leave the order of the cube as it is", async () => {
  const plain = plainEvidence(cube.dimensions, 5);
  const found = await evidence("contract of Acme and Sqiller");
  const scores = found.map(({ of }) => of.reduce((sum, value, i) => sum + value * plain[i]!, 0));
  expect(scores).toEqual([...scores].sort((a, b) => b - a));
  expect(scores[0]).toBeCloseTo(5, 9);
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
