/** Long answers: problems against a reader of their text, the parser against responses as models write them. */
import { describe, expect, test } from "vitest";
import { Random } from "../../linalg/random.ts";
import { lenientScore, longAnswerPrompts, readAnswers, scoreLongAnswer, wordProblem } from "./index.ts";

/** What the text alone says: each sentence's verb names its step. */
function solve(question: string): number {
  const sentences = question.split(/(?<=\.)\s/);
  let amount = Number(/has (\d+)/.exec(sentences[0]!)![1]);
  for (const sentence of sentences.slice(1, -1)) {
    const n = Number(/\d+/.exec(sentence)![0]);
    if (/times|multiplies|A wizard/.test(sentence)) amount *= n;
    else if (/shares|packs|one in|splits|divided|one part in/.test(sentence)) amount /= n;
    else if (/sells|away|break|loses|sent back|lends/.test(sentence)) amount -= n;
    else if (/buys|gives|finds|arrive|makes|wins/.test(sentence)) amount += n;
    else throw new Error(`not understood: ${sentence}`);
  }
  return amount;
}

test("3,000 problems: the text alone gives the answer, a whole number in range", () => {
  const random = new Random(11);
  const wordings = new Set<string>();
  for (let i = 0; i < 3000; i++) {
    const { question, answer, solution } = wordProblem(random, 2 + (i % 4));
    expect(solve(`${question.replace(/ How many.*$/, "")} How many?`)).toBe(answer);
    expect(Number.isInteger(answer) && answer >= 1 && answer <= 10_000).toBe(true);
    expect(solution.endsWith(`The answer is ${answer}.`)).toBe(true);
    wordings.add(question.split(/(?<=\.)\s/)[1]!.replace(/\d+|[A-Z]\w+|\w+s\b/g, "_"));
  }
  expect(wordings.size).toBeGreaterThanOrEqual(20);
});

describe("prompts", () => {
  const options = { seed: 5, questions: 12, prompts: 4, examples: 3 };
  const prompts = longAnswerPrompts(options);

  test("no question twice, the same seed byte for byte, worked examples first", () => {
    const asked = prompts.flatMap(({ user }) =>
      user.split("\n").filter((line) => /^Question_(\d+)/.exec(line) && Number(/\d+/.exec(line)![0]) > 3),
    );
    expect(new Set(asked.map((line) => line.slice(line.indexOf(":")))).size).toBe(48);
    expect(longAnswerPrompts(options)).toEqual(prompts);
    expect(prompts[0]!.first).toBe(4);
    expect(prompts[0]!.user).toMatch(/^Question_1: /);
    expect(prompts[0]!.user).toContain("\nAnswer_3: ");
    expect(prompts[0]!.single.length).toBe(12);
    expect(prompts[0]!.single[7]).toMatch(/\nQuestion_4: [^\n]*$/);
  });

  test("what the solutions say scores one", () => {
    const { first, answers } = prompts[1]!;
    const text = answers
      .map((answer, i) => `Answer_${first + i}: so.\n\nThe answer is ${answer}.`)
      .join("\n");
    expect(scoreLongAnswer(text, prompts[1]!)).toEqual({
      accuracy: 1,
      answered: 1,
      extra: 0,
      byQuarter: [1, 1, 1, 1],
      slope: 0,
    });
  });

  test("refuses none", () => {
    expect(() => longAnswerPrompts({ ...options, questions: 0 })).toThrow(/questions is 0/);
    expect(() => longAnswerPrompts({ ...options, prompts: 1.5 })).toThrow(/prompts is 1.5/);
    expect(() => scoreLongAnswer("", { first: 1, answers: [] })).toThrow(/without questions/);
  });
});

describe("reading answers", () => {
  const cases: readonly [string, string, (number | undefined)[], number[]][] = [
    [
      "in order",
      "Answer_5: The answer is 1.\nAnswer_6: The answer is 2.\nAnswer_7: The answer is 3.",
      [1, 2, 3],
      [],
    ],
    [
      "blank lines inside",
      "Answer_5: first\n\nthen 8\n\nThe answer is 1.\nAnswer_6: x\n\nThe answer is 2.\nAnswer_7: The answer is 3",
      [1, 2, 3],
      [],
    ],
    ["one missing", "Answer_5: The answer is 1.\nAnswer_7: The answer is 3.", [1, undefined, 3], []],
    [
      "out of order",
      "Answer_7: The answer is 3.\nAnswer_5: The answer is 1.\nAnswer_6: The answer is 2.",
      [1, 2, 3],
      [],
    ],
    [
      "repeated: the first counts",
      "Answer_5: The answer is 1.\nAnswer_5: The answer is 9.\nAnswer_6: The answer is 2.",
      [1, 2, undefined],
      [],
    ],
    [
      "commas, currency, decimals",
      "Answer_5: The answer is $1,234.\nAnswer_6: The answer is 2.50\nAnswer_7: The answer is -3.",
      [1234, 2.5, -3],
      [],
    ],
    ["no phrase: the last number", "Answer_5: 4 + 5 = 9.\nAnswer_6: it is 2", [9, 2, undefined], []],
    [
      "a sentence behind the phrase",
      "Answer_5: The answer is 7. There were 12 before.",
      [7, undefined, undefined],
      [],
    ],
    [
      "the phrase twice: the last",
      "Answer_5: The answer is 7? No. The answer is 8.",
      [8, undefined, undefined],
      [],
    ],
    ["cut off", "Answer_5: The answer is 1.\nAnswer_6: She has", [1, undefined, undefined], []],
    ["another numbering", "5. The answer is 1.\n6. The answer is 2.", [undefined, undefined, undefined], []],
    [
      "too many",
      "Answer_5: The answer is 1.\nAnswer_8: The answer is 4.\nAnswer_1: The answer is 0.",
      [1, undefined, undefined],
      [8, 1],
    ],
    ["bold headers", "**Answer_5:** The answer is 1.\n### Answer_6\nThe answer is 2.", [1, 2, undefined], []],
    [
      "a header inside a line is none",
      "Answer_5: as in Answer_6: 4. The answer is 1.",
      [1, undefined, undefined],
      [],
    ],
    ["capital letters", "Answer_5: THE ANSWER IS 6", [6, undefined, undefined], []],
    ["nothing", "", [undefined, undefined, undefined], []],
  ];

  test.each(cases)("%s", (_, text, values, extra) => {
    const read = readAnswers(text, 5, 3);
    expect([5, 6, 7].map((number) => read.values.get(number))).toEqual(values);
    expect(read.extra).toEqual(extra);
  });

  test("quarters tell where it goes wrong; nothing is answered by nothing", () => {
    const prompt = { first: 1, answers: [1, 2, 3, 4, 5, 6, 7, 8] };
    const text = prompt.answers
      .slice(0, 5)
      .map((n) => `Answer_${n}: The answer is ${n}.`)
      .join("\n");
    expect(scoreLongAnswer(text, prompt)).toMatchObject({
      accuracy: 5 / 8,
      answered: 5 / 8,
      extra: 0,
      byQuarter: [1, 1, 0.5, 0],
    });
    expect(scoreLongAnswer("", prompt)).toEqual({
      accuracy: 0,
      answered: 0,
      extra: 0,
      byQuarter: [0, 0, 0, 0],
      slope: 0,
    });
  });

  test("the lenient score overrates who stops early, and loses who writes blank lines", () => {
    const prompt = { first: 1, answers: [1, 2, 3, 4] };
    const early = "Answer_1: The answer is 1.\n\nAnswer_2: The answer is 2.";
    expect([lenientScore(early, prompt.answers), scoreLongAnswer(early, prompt).accuracy]).toEqual([1, 0.5]);
    const spaced = "Answer_1: I think.\n\nThe answer is 7.\n\nAnswer_2: The answer is 2.";
    expect(lenientScore(spaced, [7, 2])).toBe(0);
    expect(scoreLongAnswer(spaced, { first: 1, answers: [7, 2] }).accuracy).toBe(1);
    expect(lenientScore("1. The answer is 1.\n\n2. The answer is 2.", [1, 2])).toBe(1);
    expect(lenientScore("", [1])).toBe(0);
  });
});
