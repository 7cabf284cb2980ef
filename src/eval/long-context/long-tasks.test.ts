/** Code, summaries, facts and worked examples: a reader of the context finds the answers, and each judge gives what an answer deserves. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { made, score } from "../../../test/support/long-examples.ts";
import { Random } from "../../linalg/random.ts";
import { bleu, codeFunctions, rougeLsum, scoreAnswer, workedExamplesTask } from "./index.ts";

describe("functions of a repository", () => {
  test("a description tells what its code does, in words that are not in any code", () => {
    const functions = codeFunctions(new Random(1));
    const words = new Set<string>();
    const said = new Set<string>();
    for (let i = 0; i < 200; i++) {
      const { source, description, name } = functions.next().value;
      for (const word of source.toLowerCase().match(/[a-z]+/g)!) words.add(word);
      for (const word of description.toLowerCase().match(/[a-z]+/g)!) said.add(word);
      // the code runs, and does the same each time
      const run = new Function(`${source}\nreturn ${name};`)() as (list: number[]) => unknown;
      expect(run([3, 40, 99])).toEqual(run([3, 40, 99]));
      if (/takes the smallest/.test(description)) expect(run([])).toBe(Number.POSITIVE_INFINITY);
      if (/reverses/.test(description)) expect(Array.isArray(run([1, 2]))).toBe(true);
    }
    expect([...said].filter((word) => words.has(word))).toEqual([]);
  });

  test("descriptions and names are all different, and fit one function of the context", () => {
    for (const example of made("code-functions", 6000)) {
      for (const turn of example.turns) {
        expect(example.context.split(turn.answers[0]!).length).toBe(2);
        expect(turn.others!.length).toBe(example.context.split("\nfunction ").length - 2);
        for (const other of turn.others!) expect(example.context).toContain(other);
      }
    }
  });

  test("the judge: the function, fenced or talked about, with small changes; not another, not a half", () => {
    const [example] = made("code-functions");
    for (const turn of example!.turns) {
      const right = turn.answers[0]!;
      expect(score(example!, turn, `Here it is:\n\`\`\`js\n${right}\n\`\`\`\nIt fits.`)).toBe(1);
      expect(score(example!, turn, `It is this one:\n${right}\nI hope so.`)).toBe(1);
      expect(score(example!, turn, right.replaceAll("\n", " "))).toBe(1);
      expect(score(example!, turn, right.replace("return", "return 0 +"))).toBe(1);
      expect(score(example!, turn, right.slice(0, right.length / 2))).toBe(0);
      for (const other of turn.others!) expect(score(example!, turn, other)).toBe(0);
    }
  });

  test("keys stand between the functions, and are asked for in turns with them", () => {
    for (const { context, turns } of made("mixed-code-kv")) {
      expect(turns.map(({ scorer }) => scorer)).toEqual([
        undefined,
        "any",
        undefined,
        "any",
        undefined,
        "any",
      ]);
      for (const { question, answers, scorer } of turns)
        if (scorer) expect(context).toContain(`// "${/key "([^"]+)"/.exec(question)![1]}": "${answers[0]}"`);
    }
  });
});

describe("summaries", () => {
  test("what an abstract names stands in its article alone", () => {
    for (const name of ["summaries", "mixed-summaries-needles"]) {
      for (const { context, turns } of made(name)) {
        const articles = context.split(/Article: The story of /).slice(1);
        for (const { question, answers } of turns) {
          const title = /story of (\w+)/.exec(question)?.[1];
          if (!title) continue;
          const article = articles.find((one) => one.startsWith(`${title}\n`))!;
          for (const named of answers[0]!.match(/\b[A-Z]\w+|\d{4}/g)!) expect(article).toContain(named);
        }
      }
    }
  });

  test("each event counts: two of three score about two thirds of the recall; the article itself little", () => {
    for (const example of made("summaries")) {
      for (const turn of example.turns) {
        const sentences = turn.reply.split(/(?<=\.) /);
        const part = score(example, turn, sentences.slice(0, 2).join(" "));
        expect(part).toBeGreaterThan(0.6);
        expect(part).toBeLessThan(0.95);
        expect(score(example, turn, [...sentences].reverse().join(" "))).toBeCloseTo(1, 10);
        expect(score(example, turn, example.context)).toBeLessThan(0.2);
      }
    }
  });
});

describe("Chinese facts", () => {
  test("one sentence has the name and the value; another name's value does not count in full", () => {
    for (const example of made("facts-chinese")) {
      for (const turn of example.turns) {
        const [name, value] = [turn.question.slice(0, 3), turn.answers[0]!];
        const found = example.context.match(/[^。\n]+。/g)!.filter((one) => one.includes(name));
        expect(found.length).toBe(3);
        expect(found.filter((one) => one.includes(value)).length).toBe(1);
        expect(score(example, turn, `${value}。`)).toBe(1);
        expect(score(example, turn, "不知道")).toBe(0);
      }
    }
  });

  test("F1 of characters by hand", () => {
    // three of four characters and three of three
    expect(scoreAnswer("characters", "是青石城", ["青石城"])).toBeCloseTo(6 / 7, 10);
    expect(scoreAnswer("characters", "青、石 镇", ["青石城"])).toBeCloseTo(2 / 3, 10);
    expect(scoreAnswer("characters", "", ["青石城"])).toBe(0);
  });
});

describe("likeness of texts", () => {
  test("ROUGE-Lsum of Lin's example: the union of w1 w2 and w1 w3 w5", () => {
    // recall 4 of 5, precision 4 of 10
    expect(rougeLsum("w1 w2 w6 w7 w8.\nw1 w3 w8 w9 w5.", "w1 w2 w3 w4 w5.")).toBeCloseTo(8 / 15, 10);
    expect(rougeLsum("the the the", "the cat")).toBeCloseTo(2 / 5, 10);
    expect([rougeLsum("", "a"), rougeLsum("a", ""), rougeLsum("", "")]).toEqual([0, 0, 0]);
  });

  test("BLEU by hand: precisions 3/4, 3/4, 2/3, 1/2, too short by one", () => {
    const expected = Math.exp(1 - 5 / 4) * ((3 / 4) * (3 / 4) * (2 / 3) * (1 / 2)) ** (1 / 4);
    expect(bleu("a b c x", "a b c d e")).toBeCloseTo(expected, 10);
    expect([bleu("", "a"), bleu("b", "a")]).toEqual([0, 0]);
  });

  test("from 0 to 1, and 1 for the same", () => {
    const words = fc.array(fc.constantFrom("a", "b", "c", "d", ".", "\n"), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(words, words, (one, two) => {
        const [a, b] = [`x ${one.join(" ")}`, `x ${two.join(" ")}`];
        for (const like of [bleu, rougeLsum]) {
          expect(like(a, b)).toBeGreaterThanOrEqual(0);
          expect(like(a, b)).toBeLessThanOrEqual(1 + 1e-12);
          expect(like(a, a)).toBeCloseTo(1, 10);
        }
      }),
      { seed: 5, numRuns: 100 },
    );
  });
});

describe("worked examples", () => {
  const solvers: Record<string, (text: string) => string> = {
    "many-shot-dates": (text) => {
      const [, m, d, y] = /Today is (\d\d)\/(\d\d)\/(\d{4})/.exec(text)!.map(Number);
      const days = Number(/(\d+) days/.exec(text)![1]) * (text.includes("later") ? 1 : -1);
      const date = new Date(Date.UTC(y!, m! - 1, d! + days));
      const two = (n: number): string => String(n).padStart(2, "0");
      return `${two(date.getUTCMonth() + 1)}/${two(date.getUTCDate())}/${date.getUTCFullYear()}`;
    },
    "many-shot-objects": (text) => {
      const held = new Map([...text.matchAll(/(\w+) the (\w+)[,.]/g)].map(([, who, what]) => [who!, what!]));
      for (const [, a, b] of text.matchAll(/(\w+) and (\w+) swap/g)) {
        const kept = held.get(a!)!;
        held.set(a!, held.get(b!)!).set(b!, kept);
      }
      return held.get(/What has (\w+)/.exec(text)![1]!)!;
    },
  };

  test.each(Object.keys(solvers))("%s: every example and every question has the right letter", (name) => {
    for (const { context, turns } of made(name, 3000)) {
      const shown = [...context.matchAll(/Example: ([\s\S]*?)\nAnswer: (\(\w\))/g)];
      const asked = turns.map(({ question, answers }) => ["", question, answers[0]!]);
      expect(shown.length).toBeGreaterThan(10);
      for (const [, text, letter] of [...shown, ...asked]) {
        const options = [...text!.matchAll(/^(\(\w\)) (.*)$/gm)];
        expect(new Set(options.map(([, , option]) => option)).size).toBe(options.length);
        expect(options.find(([, one]) => one === letter)![2]).toBe(solvers[name]!(text!));
      }
    }
  });

  test("no question was an example; another letter is wrong", () => {
    for (const example of made("many-shot-odd-word")) {
      for (const turn of example.turns) {
        expect(example.context).not.toContain(turn.question);
        expect(score(example, turn, turn.answers[0] === "(A)" ? "(B)" : "(A)")).toBe(0);
      }
    }
    expect(() => workedExamplesTask("w", "chess" as "dates")).toThrow(/dates, objects, odd-word/);
  });
});
