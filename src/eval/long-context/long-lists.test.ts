/** Lists and plans, and how answers hold over their length: a reader finds them, and each judge gives what an answer deserves. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { countTokens, made, score } from "../../../test/support/long-examples.ts";
import { Random } from "../../linalg/random.ts";
import {
  accuracyDrop,
  choiceProblem,
  LONG_TASKS,
  longAnswerPrompts,
  longTaskNamed,
  type PlanDemand,
  planOf,
  positionSlope,
  readNumbered,
  scoreAnswer,
  scoreLongAnswer,
  scorePlan,
} from "./index.ts";

describe("listed answers", () => {
  test.each(["listed-problems", "listed-choices", "listed-facts", "listed-sums", "listed-keys"])(
    "%s: the first half earns a half, every second its share",
    (name) => {
      for (const example of made(name)) {
        const turn = example.turns[0]!;
        const lines = turn.reply.split("\n");
        const half = Math.floor(lines.length / 2);
        expect(lines.length).toBe(turn.answers.length);
        expect(score(example, turn, lines.slice(0, half).join("\n"))).toBeCloseTo(half / lines.length, 10);
        const second = lines.filter((_, i) => i % 2 === 0);
        expect(score(example, turn, second.join("\n\n"))).toBeCloseTo(second.length / lines.length, 10);
      }
    },
  );

  test("long contexts keep the length of the answer: solved ones come first", () => {
    for (const name of ["listed-problems", "listed-choices", "listed-sums"]) {
      const [example] = made(name, 16_000);
      expect(example!.turns[0]!.answers.length).toBe(name === "listed-sums" ? 64 : 35);
      expect(example!.context).toMatch(/^Example: /);
      expect(countTokens(example!.context)).toBeGreaterThan(15_500);
    }
  });

  test("lines count in their order only; keys are those of the context", () => {
    const answers = ["a: 1", "b: 2", "c: 3", "d: 4"];
    expect(scoreAnswer("lines", "a: 1\nb:  2\nother\n c: 3\nd: 4", answers)).toBe(1);
    expect(scoreAnswer("lines", "d: 4\na: 1\nb: 2\nc: 3", answers)).toBe(0.75);
    expect(scoreAnswer("lines", "d: 4\nc: 3\nb: 2\na: 1", answers)).toBe(0.25);
    expect(scoreAnswer("lines", "a: 11, b: 2", answers)).toBe(0);
    for (const { context, turns } of made("listed-keys"))
      for (const line of turns[0]!.answers) expect(context.split("\n")).toContain(line);
    for (const { context, turns } of made("listed-sums"))
      for (const [i, answer] of turns[0]!.answers.entries()) {
        const [, a, b] = new RegExp(`^Question_${i + 1}: (\\d+)\\+(\\d+)$`, "m").exec(context)!;
        expect(answer).toBe(`${i + 1}: ${Number(a) + Number(b)}`);
      }
  });

  test("1,000 choices: four different amounts, the letter is the right one's", () => {
    const random = new Random(3);
    const letters = new Map<string, number>();
    for (let i = 0; i < 1000; i++) {
      const { question, answer, solution } = choiceProblem(random, 2 + (i % 3));
      const options = [...question.matchAll(/\(([A-D])\) (\d+)/g)];
      const right = Number(/= (\d+)\. The answer is \(\w\)\.$/.exec(solution)![1]);
      expect(new Set(options.map(([, , amount]) => amount)).size).toBe(4);
      expect(options.find(([, letter]) => letter === answer)![2]).toBe(String(right));
      letters.set(answer, (letters.get(answer) ?? 0) + 1);
    }
    for (const times of letters.values()) expect(times).toBeGreaterThan(200);
  });

  test.each([
    ["The answer is (B).", true],
    ["the answer is B", true],
    ["A friend has 4. So it is (B).", true],
    [" B", true],
    ["(B) or (C)", false],
    ["The answer is (C), not (B).", false],
    ["B is likely, A is not", false],
    ["", false],
  ])("the letter of %j", (text, right) => {
    expect(readNumbered(`Answer_3: ${text}`, 3, ["B"]).right).toEqual([right]);
  });

  test("prompts of choices: letters are asked and scored", () => {
    const prompts = longAnswerPrompts({ seed: 2, questions: 8, prompts: 2, choice: true });
    for (const prompt of prompts) {
      const text = prompt.answers.map((answer, i) => `Answer_${5 + i}: The answer is (${answer}).`);
      expect(scoreLongAnswer(text.join("\n"), prompt).accuracy).toBe(1);
      expect(scoreLongAnswer(text.slice(0, 4).join("\n"), prompt)).toMatchObject({
        accuracy: 0.5,
        answered: 0.5,
        byQuarter: [1, 1, 0, 0],
      });
      expect(prompt.user).toMatch(/\(D\) \d+\nAnswer_1: .*The answer is \([A-D]\)\.\n/);
    }
  });
});

describe("over the length of an answer", () => {
  test("the slope is below 0 where later ones are worse, its mirror image above", () => {
    const fading = Array.from({ length: 40 }, (_, i) => i < 20 || i % 5 === 0);
    expect(positionSlope(fading)).toBeLessThan(-1);
    expect(positionSlope([...fading].reverse())).toBeCloseTo(-positionSlope(fading), 6);
    expect([positionSlope([]), positionSlope([true, true]), positionSlope([true])]).toEqual([0, 0, 0]);
    for (const size of [2, 3, 10, 35, 400]) {
      for (let cut = 1; cut < size; cut += Math.ceil(size / 20)) {
        const parted = positionSlope(Array.from({ length: size }, (_, i) => i < cut));
        expect(parted).toBeLessThan(-3);
        expect(parted).toBeGreaterThan(-1000);
      }
    }
    expect(Math.abs(positionSlope([true, false, false, true]))).toBeLessThan(1e-6);
  });

  test("the drop in points and as a share", () => {
    const { points, relative } = accuracyDrop(0.8, 0.6);
    expect([points, relative].map((one) => Number(one.toFixed(9)))).toEqual([20, 0.25]);
    expect(accuracyDrop(0, 0)).toEqual({ points: 0, relative: 0 });
    expect(() => accuracyDrop(80, 0.6)).toThrow(/single is 80/);
    expect(() => accuracyDrop(0.8, Number.NaN)).toThrow(/long is NaN/);
  });
});

describe("plans", () => {
  const demands: PlanDemand[] = [
    { kind: "once", mention: "Red Owl", sections: [1] },
    { kind: "range", mention: "blue boat", sections: [2, 3] },
    { kind: "periodic", mention: "old gate", sections: [2, 4] },
  ];
  const whole =
    "Section_1: a red owl.\nSection_2: The blue boat at the old gate.\nSection_3: blue boat\nSection_4: An old gate.";

  test("each kind by itself, what is written and what is not", () => {
    const all = {
      completed: 1,
      once: 1,
      range: 1,
      periodic: 1,
      accuracy: 1,
      accuracyOfCompleted: 1,
      stray: 0,
    };
    expect(scorePlan(whole, 4, demands)).toEqual({ ...all, byQuarter: [1, 1, 1, 1] });
    const early = whole.split("\n").slice(0, 2).join("\n");
    expect(scorePlan(early, 4, demands)).toEqual({
      completed: 0.5,
      once: 1,
      range: 0.5,
      periodic: 0.5,
      accuracy: 0.6,
      accuracyOfCompleted: 1,
      byQuarter: [1, 1, 0, 0],
      stray: 0,
    });
    expect(scorePlan("", 4, demands)).toMatchObject({ completed: 0, accuracy: 0, accuracyOfCompleted: 0 });
  });

  test("who says everything everywhere is found out", () => {
    const text = [1, 2, 3, 4].map((n) => `Section_${n}: red owl, blue boat, old gate.`).join("\n");
    expect(scorePlan(text, 4, demands)).toMatchObject({ accuracy: 1, stray: 7 / 5 });
  });

  test("what is drawn stays in its sections, and is said as it is", () => {
    fc.assert(
      fc.property(fc.integer({ min: 4, max: 80 }), fc.integer(), (count, seed) => {
        const plan = planOf(new Random(seed), count);
        plan.demands.forEach(({ sections, mention, kind }, i) => {
          const said = plan.lines[i]!;
          const numbers = said.slice(0, said.indexOf("mention")).match(/\d+/g)!.map(Number);
          const [first, last] = [sections[0]!, sections.at(-1)!];
          const step = kind === "periodic" ? numbers[0]! : 1;
          expect(said).toContain(mention);
          expect(numbers.slice(kind === "periodic" ? 1 : 0)).toEqual(
            kind === "once" ? [first] : [first, last],
          );
          expect(sections).toEqual(sections.map((_, j) => first + j * step));
          expect(first >= 1 && last <= plan.sections).toBe(true);
        });
      }),
      { seed: 9, numRuns: 50 },
    );
  });

  test("the suite's task: half of the diary earns what it has", () => {
    for (const example of made("written-plan", 2000)) {
      const turn = example.turns[0]!;
      const half = turn.reply.split("\n").slice(0, 20);
      const kept = turn.answers.filter((answer) => Number.parseInt(answer, 10) <= 20);
      expect(score(example, turn, half.join("\n"))).toBeCloseTo(kept.length / turn.answers.length, 10);
      // the right words in the wrong sections are nothing
      const shifted = turn.reply.replace(/Section_(\d+)/g, (_, n: string) => `Section_${Number(n) + 1000}`);
      expect(score(example, turn, shifted)).toBe(0);
    }
  });

  test("refuses what has no score", () => {
    expect(() => scorePlan("", 0, demands)).toThrow(/sections is 0/);
    expect(() => scorePlan("", 3, demands)).toThrow(/section 4 is demanded/);
    expect(() => scorePlan("", 3, [])).toThrow(/nothing is demanded/);
    expect(() => planOf(new Random(1), 0)).toThrow(/count of demands is 0/);
  });
});

test.each([
  ["facts-chinese", 415],
  ["code-functions", 599],
  ["summaries", 419],
  ["many-shot-dates", 399],
  ["listed-problems", 239],
  ["listed-keys", 191],
  ["written-plan", 239],
])("%s refuses %i tokens, and does with one more what it can", (name, tokens) => {
  expect(() => longTaskNamed(name).make({ seed: 1, tokens, count: 1, countTokens })).toThrow(
    new RegExp(`${name}: tokens is ${tokens}; expected a whole number from ${tokens + 1}`),
  );
  for (let seed = 0; seed < 20; seed++) {
    const [example] = longTaskNamed(name).make({ seed, tokens: tokens + 1, count: 1, countTokens });
    for (const turn of example!.turns) expect(score(example!, turn, turn.reply)).toBeCloseTo(1, 9);
  }
});

test("the documentation names every task, and no other", () => {
  const text = readFileSync(new URL("../../../docs/long-context.md", import.meta.url), "utf8");
  const rows = text.split("\n").filter((line) => line.startsWith("| `"));
  const named = rows.flatMap((row) =>
    [...row.split("|")[1]!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!),
  );
  expect(named.sort()).toEqual(LONG_TASKS.map(({ name }) => name).sort());
});
