import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { extractAnswer } from "./extract.ts";
import { snippetOf } from "./snippet.ts";

describe("extractAnswer", () => {
  const passages = [
    {
      text: "Postings are cut into blocks. Each block knows its largest impact. Blocks that cannot reach the threshold are skipped.",
      score: 1,
    },
    { text: "The library was founded in 1867 by Ada Miller. It holds two million books.", score: 0.8 },
    { text: "Block-max pruning skips blocks which cannot reach the threshold.", score: 0.7 },
  ];

  test("picks the sentence that covers the question, of the kind asked for", () => {
    expect(
      extractAnswer("When was the library founded?", passages, { sentences: 1 }).sentences[0],
    ).toMatchObject({ text: "The library was founded in 1867 by Ada Miller.", passage: 1 });
    expect(
      extractAnswer("How many books does the library hold?", passages, { sentences: 1 }).sentences[0]?.text,
    ).toMatch(/two million/);
  });

  test("says the same thing once", () => {
    const { sentences } = extractAnswer("Which blocks cannot reach the threshold?", passages, {
      sentences: 3,
    });
    expect(sentences.filter(({ text }) => text.includes("threshold"))).toHaveLength(1);
  });

  test("says when it does not know", () => {
    expect(extractAnswer("What do penguins eat in winter?", passages, { sentences: 2 })).toMatchObject({
      answered: false,
      sentences: [],
    });
    expect(extractAnswer("what is the", passages, { sentences: 2 }).reason).toMatch(/no word/);
    expect(extractAnswer("anything", [], { sentences: 2 }).answered).toBe(false);
  });

  const squad = new URL("../../../../shared/data/rag/xquad-en/xquad.en.json.gz", import.meta.url);
  test.skipIf(!existsSync(squad))(
    "finds the sentence with the answer among eight paragraphs in most questions",
    () => {
      const { data } = JSON.parse(gunzipSync(readFileSync(squad)).toString()) as {
        data: {
          paragraphs: { context: string; qas: { question: string; answers: { text: string }[] }[] }[];
        }[];
      };
      let [asked, found, first] = [0, 0, 0];
      for (const { paragraphs } of data) {
        for (const { qas } of paragraphs) {
          for (const { question, answers } of qas) {
            const chosen = extractAnswer(
              question,
              paragraphs.slice(0, 8).map(({ context }) => ({ text: context, score: 1 })),
              { sentences: 4 },
            );
            asked++;
            const holds = (text: string): boolean => answers.some((answer) => text.includes(answer.text));
            if (chosen.sentences.some(({ text }) => holds(text))) found++;
            const best = [...chosen.sentences].sort((a, b) => b.score - a.score)[0];
            if (best && holds(best.text)) first++;
          }
        }
      }
      console.log(
        `answer among 4 sentences: ${((100 * found) / asked).toFixed(1)}%, in the best one: ${((100 * first) / asked).toFixed(1)}% of ${asked}`,
      );
      expect(found / asked).toBeGreaterThan(0.65);
    },
  );
});

test("snippets: the densest window, cut at words, ranges kept", () => {
  const text = `${"filler ".repeat(40)}the needle and the thread ${"filler ".repeat(40)}`;
  const at = text.indexOf("needle");
  const { snippet, highlights } = snippetOf(
    text,
    [
      [0, 6],
      [at, at + 6],
      [at + 15, at + 21],
    ],
    80,
  );
  expect(highlights.map(([start, end]) => snippet.slice(start, end))).toEqual(["needle", "thread"]);
  expect(snippet.length).toBeLessThanOrEqual(82);
  expect(snippetOf("short", [[0, 5]], 80)).toEqual({ snippet: "short", highlights: [[0, 5]] });
  expect(snippetOf(text, [], 0).snippet).toBe("");
  expect(snippetOf("x".repeat(500), [], 100).snippet.length).toBeLessThanOrEqual(102);
});
