/** Tasks: what all promise of every example, then that each answer is what a reader of the context finds. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { countTokens } from "../../../test/support/long-examples.ts";
import {
  countingTask,
  factBookTask,
  frequentWordsTask,
  keyValueTask,
  LONG_TASKS,
  type LongExample,
  longTaskNamed,
  type MakeOptions,
  mixedTask,
  multiRequest,
  multiTurn,
  needleTask,
  PHRASINGS,
  readRuler,
  scoreAnswer,
} from "./index.ts";

const OPTIONS: MakeOptions = { seed: 3, tokens: 1200, count: 3, countTokens };

const examples = (name: string, options: Partial<MakeOptions> = {}): LongExample[] => [
  ...longTaskNamed(name).make({ ...OPTIONS, ...options }),
];

describe.each(PHRASINGS)("every task, as %s says it", (phrasing) => {
  test.each(LONG_TASKS.map(({ name }) => name))(
    "%s fills its size, and its own replies score one",
    (name) => {
      const made = examples(name, { phrasing });
      expect(made.length).toBe(3);
      expect(new Set(made.map(({ context }) => context)).size).toBe(3);
      expect(examples(name, { phrasing })).toEqual(made);
      expect(examples(name, { phrasing, seed: 4 })).not.toEqual(made);
      for (const { context, turns, scorer } of made) {
        const size = countTokens(context);
        expect(size).toBeLessThanOrEqual(1200 * 1.02);
        expect(size).toBeGreaterThan(1200 * 0.8);
        for (const turn of turns) {
          const { reply, answers, others, lead = "" } = turn;
          expect(reply.startsWith(lead)).toBe(true);
          expect(scoreAnswer(turn.scorer ?? scorer, reply.slice(lead.length), answers, others)).toBeCloseTo(
            1,
            9,
          );
          expect(scoreAnswer(turn.scorer ?? scorer, "I do not know.", answers, others)).toBe(0);
        }
      }
    },
  );
});

describe("answers are in the context", () => {
  test("needles stand under their keys, all of them", () => {
    for (const name of ["niah-single", "niah-multivalue", "niah-multiquery", "niah-multikey-uuid"]) {
      for (const { context, turns } of examples(name)) {
        const needles = [...context.matchAll(/magic \w+ for (\S+) is: (\S+)\./g)];
        for (const { question, answers } of turns) {
          const asked = needles.filter(([, key]) => new RegExp(`\\b${key}\\b`).test(question));
          expect(asked.map(([, , value]) => value).sort()).toEqual([...answers].sort());
        }
      }
    }
  });

  test("the values of one key are asked for in the order of the text", () => {
    for (const { context, turns } of examples("niah-multivalue"))
      expect(turns[0]!.answers.map((answer) => context.indexOf(answer))).toEqual(
        turns[0]!.answers.map((answer) => context.indexOf(answer)).sort((a, b) => a - b),
      );
  });

  test("following assignments finds the variables", () => {
    for (const { context, turns } of [...examples("vt"), ...examples("vt-turns")]) {
      const values = new Map<string, string>();
      // an assignment stands behind what it takes its value from
      for (const [, name, from, number] of context.matchAll(/VAR (\w+) = (?:VAR (\w+)|(\d+))\./g))
        values.set(name!, number ?? values.get(from!) ?? "unknown");
      for (const { question, answers } of turns) {
        const value = /value (\d+)/.exec(question)![1];
        const found = [...values].filter(([, one]) => one === value).map(([name]) => name);
        expect(found.sort()).toEqual([...answers].sort());
      }
    }
  });

  test("counting finds the common and the frequent words", () => {
    for (const name of ["cwe", "fwe"]) {
      for (const { context, turns } of [...examples(name), ...examples(name, { tokens: 3000 })]) {
        const counts = new Map<string, number>();
        const body = context.slice(context.indexOf("\n"));
        for (const word of body.match(/[a-z]+/g)!) counts.set(word, (counts.get(word) ?? 0) + 1);
        const { answers } = turns[0]!;
        const ranked = [...counts].sort((a, b) => b[1] - a[1]);
        expect(
          ranked
            .slice(0, answers.length)
            .map(([word]) => word)
            .sort(),
        ).toEqual([...answers].sort());
        expect(ranked[answers.length - 1]![1]).toBeGreaterThan(ranked[answers.length]![1]);
      }
    }
  });

  test("JSON is JSON, and prefix and suffix fit one string alone", () => {
    for (const phrasing of PHRASINGS) {
      for (const { context, turns } of examples("kv-uuid", { phrasing })) {
        const pairs = JSON.parse(context.slice(context.indexOf("{"))) as Record<string, string>;
        expect(Object.keys(pairs).length).toBeGreaterThan(10);
        for (const { question, answers } of turns)
          expect(pairs[/"([^"]+)"/.exec(question)![1]!]).toBe(answers[0]);
      }
    }
    for (const { context, turns } of examples("kv-prefix-suffix")) {
      for (const { question, answers } of turns) {
        const [, start, end] = /"(\w+)".*"(\w+)"/.exec(question)!;
        const fits = context.split("\n").filter((line) => line.startsWith(start!) && line.endsWith(end!));
        expect(fits).toEqual([answers[0]]);
      }
    }
  });

  test("joint keys need both names", () => {
    for (const { context, turns } of examples("kv-joint")) {
      for (const { question, answers } of turns) {
        const [, key, group] = /value of (\w+) in section (\w+)\?/.exec(question)!;
        const block = context.slice(context.indexOf(`In section ${group}:`)).split("In section ")[1]!;
        expect(block).toContain(`${key}: ${answers[0]}`);
        expect(context.split(`\n${key}: `).length).toBe(5);
      }
    }
  });

  test("facts: one sentence has the name and the value; the letter is the option's", () => {
    for (const name of ["qa", "facts-turns"]) {
      for (const { context, turns } of examples(name)) {
        for (const { question, answers } of turns) {
          const asked = question.match(/[A-Z]\w+/g)!.at(-1)!;
          const found = context
            .split(/(?<=\.)\s/)
            .filter((one) => one.includes(asked) && one.includes(answers[0]!));
          expect(found.length).toBe(1);
        }
      }
    }
    for (const { turns } of examples("facts-choice"))
      for (const { question, answers } of turns) expect(question).toMatch(new RegExp(`\\n${answers[0]}\\. `));
    for (const { context, turns } of examples("facts-turns", { phrasing: "mneme-lm" })) {
      for (const { reply } of turns) {
        const [, sentence, passage] = /^(.*) \[(\d+)\]$/.exec(reply)!;
        expect(context.split("\n\n")[Number(passage) - 1]).toContain(sentence!);
      }
    }
  });

  test("numbers, reports and paragraphs", () => {
    for (const { context, turns } of examples("find-number")) {
      const sorted = context
        .match(/\d+/g)!
        .map(Number)
        .sort((a, b) => a - b);
      const distinct = [...new Set(sorted)];
      const wanted: Record<string, number> = {
        largest: sorted.at(-1)!,
        smallest: sorted[0]!,
        "second largest": distinct.at(-2)!,
        "second smallest": distinct[1]!,
        median: sorted[(sorted.length - 1) / 2]!,
      };
      for (const { question, answers } of turns)
        expect(answers).toEqual([String(wanted[/the (.*) number of/.exec(question)![1]!])]);
    }
    for (const { context, turns } of examples("counting")) {
      for (const { question, answers } of turns) {
        const place = /from (\w+)\?/.exec(question)![1];
        expect(context.split(`Report from ${place}:`).length - 1).toBe(Number(answers[0]));
      }
    }
    for (const { context, turns } of examples("recite")) {
      const [, from, to] = /\((\d+)\) to \((\d+)\)/.exec(turns[0]!.question)!.map(Number);
      const lines = context.split("\n").slice(from! - 1, to!);
      expect(turns[0]!.answers[0]).toBe(lines.map((line) => line.replace(/^\(\d+\) /, "")).join("\n"));
    }
  });

  test("many-shot labels follow one rule", () => {
    for (const { context, turns } of examples("many-shot")) {
      const rule = new Map(
        [...context.matchAll(/(\w+) is here\.\nGroup: (\w+)/g)].map(([, noun, group]) => [noun, group]),
      );
      for (const { question, answers } of turns)
        expect(rule.get(/(\w+) is here/.exec(question)![1])).toBe(answers[0]);
    }
  });
});

test("filler may be a given text", () => {
  const filler = "One sentence of a real text. And another one! A third?";
  const [example] = needleTask("n").make({ ...OPTIONS, filler });
  expect(example!.context).toContain("One sentence of a real text. And another one!");
  expect(() => [...needleTask("n").make({ ...OPTIONS, filler: " " })]).toThrow(/filler text is empty/);
});

test("conversations: right answers stay in the later prompts, requests know nothing of each other", () => {
  const [example] = examples("kv-pairs", { count: 1 });
  const turns = multiTurn(example!);
  expect(turns.map(({ messages }) => messages.length)).toEqual([1, 3, 5, 7, 9]);
  expect(turns[2]!.messages.map(({ role }) => role)).toEqual([
    "user",
    "assistant",
    "user",
    "assistant",
    "user",
  ]);
  expect(turns[2]!.messages[1]!.content).toBe(example!.turns[0]!.reply);
  expect(turns[2]!.messages[4]!.content).toBe(`Question: ${example!.turns[2]!.question}`);
  for (const { messages, turn } of multiRequest(example!)) {
    expect(messages).toEqual([{ role: "user", content: `${example!.context}\nQuestion: ${turn.question}` }]);
  }
});

test.each([
  ["exact", "The  Cat!", ["cat"], 1],
  ["exact", "cats", ["cat"], 0],
  ["any", "it is PARIS, I think", ["Rome", "Paris"], 1],
  ["all", "one, Two", ["one", "two", "three", "four"], 0.5],
  ["f1", "the red cat", ["red dog cat"], 0.8],
  ["f1", "nothing", ["red"], 0],
  ["number", "They are 12, not 13", ["13"], 0],
  ["number", "12.", ["12"], 1],
  ["number", "-4", ["-4"], 1],
  ["letter", "Answer: B", ["B"], 1],
  ["letter", "A", ["A"], 1],
  ["letter", "(c) C.", ["C"], 1],
  ["start", "one two  three x", ["one two three four"], 0.75],
  ["start", "", ["one"], 0],
  ["exact", "An owl.", ["the owl"], 1],
  ["exact", "", ["owl"], 0],
  ["any", "", ["a"], 0],
  ["any", "(b)", ["(B)"], 1],
  ["all", "", ["one"], 0],
  ["all", "ONE two", ["one", "two"], 1],
  ["f1", "red red red", ["red"], 0.5],
  ["f1", "a cat", ["dog", "the cat"], 1],
  ["characters", "北京", ["北京市"], 0.8],
  ["characters", "上海", ["北京市"], 0],
  ["number", "none", ["0"], 0],
  ["number", "about 7,5", ["7"], 1],
  ["letter", "Because of E, D", ["D"], 1],
  ["letter", "abcd", ["A"], 0],
  ["rouge", "the red cat sat", ["the cat sat"], 6 / 7],
  ["rouge", "sat cat", ["cat sat"], 0.5],
  ["rouge", "One. Two.", ["two. one."], 1],
  ["lines", "a: 1\nb: 2", ["a: 1", "b: 2", "c: 3", "d: 4"], 0.5],
  ["lines", "b: 2\na: 1", ["a: 1", "b: 2"], 0.5],
  ["lines", "", ["a: 1"], 0],
  ["numbered", "Answer_1: The answer is 4.\nAnswer_2: The answer is 6.", ["4", "5"], 0.5],
  ["numbered", "Answer_2: The answer is (C).\nAnswer_1: The answer is 1,000.", ["1000", "C"], 1],
  ["numbered", "4\n5", ["4", "5"], 0],
  ["sections", "Section_1: an Owl\nSection_2: a cat", ["1: owl", "2: owl"], 0.5],
  ["sections", "an owl, a cat", ["1: owl"], 0],
  ["code", "function f(a) { return a + 1; }", ["function f(a) {\n  return a + 1;\n}"], 1],
  ["code", "f", ["function f(a) { return a + 1; }"], 0],
] as const)("%s: %j against %j scores %f", (scorer, given, answers, score) => {
  expect(scoreAnswer(scorer, given, answers)).toBeCloseTo(score, 10);
});

test("refuses sizes without room, and names what there is", () => {
  expect(() => longTaskNamed("other")).toThrow(/niah-single/);
  const task = needleTask("n", { keys: 4 });
  expect(() => task.make({ ...OPTIONS, tokens: 100 })).toThrow(
    /tokens is 100; expected a whole number from 290/,
  );
  expect(() => task.make({ ...OPTIONS, count: 0 })).toThrow(/count is 0/);
  expect(() => task.make({ ...OPTIONS, seed: 0.5 })).toThrow(/seed is 0.5/);
  expect(() => task.make({ ...OPTIONS, phrasing: "loud" as "mneme-lm" })).toThrow(/benchmark, mneme-lm/);
  const small = { ...OPTIONS, tokens: 290, countTokens: (text: string) => text.length };
  expect(() => [...task.make(small)]).toThrow(/what is hidden takes/);
  expect(mixedTask("m", factBookTask("f"), keyValueTask("k")).family).toBe("multi-task");
  expect(frequentWordsTask("f").family).toBe(countingTask("c").family);
});

const folder = fileURLToPath(new URL("../../../../shared/data/rag/ruler", import.meta.url));
describe.skipIf(!existsSync(folder))("prompts of RULER", () => {
  test.each([
    [
      "niah_single_1-4096",
      "all",
      /^What is the special magic number for \S+ mentioned/,
      /^The special magic number for \S+ mentioned in the provided text is$/,
    ],
    [
      "vt-4096",
      "all",
      /^Find all variables that are assigned the value \d+ in the text above\.$/,
      /they are:$/,
    ],
    ["fwe-4096", "all", /^Do not provide any explanation\./, /words are:$/],
    ["qa_1-4096", "any", /^In what country is Normandy located\?$/, /^$/],
  ] as const)("%s: no template is left", async (name, scorer, question, lead) => {
    const made = await readRuler(`${folder}/${name}.jsonl.gz`, scorer);
    expect(made.length).toBe(50);
    for (const { context, turns } of made) expect(JSON.stringify([context, turns])).not.toMatch(/<\|/);
    expect(made[0]!.turns[0]!.question).toMatch(question);
    expect(made[0]!.turns[0]!.lead ?? "").toMatch(lead);
    for (const answer of made[0]!.turns[0]!.answers) expect(made[0]!.context).toContain(answer);
  });
});
