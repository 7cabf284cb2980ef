/** Near copies against the definition: every window that some place of the library holds but for so many letters, and no other. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { toyEmbedder } from "../../../test/support/memory.ts";
import { type Memory, open } from "../index.ts";

const width = 24;

function differ(a: string, start: number, b: string, at: number, length: number): number {
  let others = 0;
  for (let i = 0; i < length; i++) if (a[start + i] !== b[at + i]) others++;
  return others;
}

/** By the definition: every window at every place. */
function foundIn(text: string, corpus: readonly string[], mismatches: number): number {
  let found = 0;
  for (const { index } of text.matchAll(/\S+/g)) {
    if (index + width > text.length) break;
    const isThere = corpus.some((one) => {
      for (let at = 0; at + width <= one.length; at++)
        if (differ(text, index, one, at, width) <= mismatches) return true;
      return false;
    });
    if (isThere) found++;
  }
  return found;
}

async function holding(texts: readonly string[]): Promise<Memory> {
  const memory = await open(":memory:", { embedder: toyEmbedder(), workers: 0, substrings: true });
  await memory.add(texts.map((text, i) => ({ id: `t${i}`, text })));
  return memory;
}

const word = fc.string({ unit: fc.constantFrom(..."abé茶"), minLength: 1, maxLength: 5 });
const line = fc.array(word, { minLength: 8, maxLength: 40 }).map((words) => words.join(" "));

test("windows found are those of the definition, and stretches differ in so many letters", async () => {
  const copies = fc.record({
    corpus: fc.array(line, { minLength: 1, maxLength: 4 }),
    own: line,
    edits: fc.array(fc.nat(200), { maxLength: 12 }),
    mismatches: fc.integer({ min: 1, max: 3 }),
  });
  const property = fc.asyncProperty(copies, async ({ corpus, own, edits, mismatches }) => {
    await using memory = await holding(corpus);
    const letters = [...corpus[0]!];
    for (const edit of edits) letters[edit % letters.length] = "x";
    const text = `${own} ${letters.join("")}`;
    const [overlap] = await memory.overlaps([text], { width, mismatches });
    expect(overlap!.found).toBe(foundIn(text, corpus, mismatches));
    if (overlap!.found === 0) {
      expect(overlap!.longest).toBeUndefined();
      return;
    }
    const { start, end, at, mismatches: others } = overlap!.longest!;
    const source = corpus[Number(at.id.slice(1))]!;
    expect(source.slice(at.start, at.end)).toBe(at.text);
    expect(at.end - at.start).toBe(end - start);
    expect(differ(text, start, source, at.start, end - start)).toBe(others);
    expect(end - start).toBeGreaterThan(width / 2);
  });
  await fc.assert(property, { numRuns: 40, seed: 57 });
});

test("without mismatches it is the same; too many for the width are refused", async () => {
  const text = "the pigeonhole principle tells which piece of a window stands there as it is";
  await using memory = await holding([text, "something else entirely, and no bird in it"]);
  const [exact, near] = [await memory.overlaps([text]), await memory.overlaps([text], { mismatches: 2 })];
  expect(near[0]).toMatchObject({ ...exact[0], longest: { mismatches: 0, start: 0, end: text.length } });
  const changed = text.replace("principle", "principal");
  expect((await memory.overlaps([changed]))[0]!.found).toBeLessThan(exact[0]!.windows);
  expect((await memory.overlaps([changed], { mismatches: 2 }))[0]).toMatchObject({
    found: exact[0]!.windows,
    longest: { start: 0, end: text.length, mismatches: 2, at: { id: "t0", text } },
  });
  for (const mismatches of [-1, 0.5, 8, Number.NaN])
    await expect(memory.overlaps([text], { mismatches })).rejects.toMatchObject({ code: "RANGE" });
});
