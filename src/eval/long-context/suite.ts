/** The long-context suite: every task by its name. */
import { MnemeError } from "../../errors.ts";
import { chineseFactsTask } from "./chinese-facts.ts";
import { codeRepositoryTask } from "./code-repository.ts";
import { factBookTask } from "./fact-book.ts";
import { jointKeyTask, keyValueTask, prefixSuffixTask } from "./key-values.ts";
import { listedFactsTask, listedKeysTask, listedProblemsTask, listedSumsTask } from "./listed-answers.ts";
import { mixedTask } from "./mixed.ts";
import { needleTask } from "./needles.ts";
import { reciteTask } from "./recite.ts";
import { summaryTask } from "./summaries.ts";
import type { LongTask } from "./task.ts";
import { variableTask } from "./variables.ts";
import { countingTask, findNumberTask, manyShotTask } from "./whole-context.ts";
import { commonWordsTask, frequentWordsTask } from "./word-counts.ts";
import { workedExamplesTask } from "./worked-examples.ts";
import { writtenPlanTask } from "./written-plan.ts";

/** Names beginning with niah, vt, cwe, fwe and qa are RULER's; those beginning with kv are SCBench's. */
export const LONG_TASKS: readonly LongTask[] = [
  needleTask("niah-single-noise", { hay: "noise" }),
  needleTask("niah-single"),
  needleTask("niah-single-uuid", { valueKind: "uuid" }),
  needleTask("niah-multikey", { keys: 4 }),
  needleTask("niah-multikey-dense", { hay: "needles" }),
  needleTask("niah-multikey-uuid", { hay: "needles", keyKind: "uuid", valueKind: "uuid" }),
  needleTask("niah-multivalue", { valuesPerKey: 4 }),
  needleTask("niah-multiquery", { keys: 4, asked: 4 }),
  needleTask("niah-turns", { keys: 8, turns: 5 }),
  variableTask("vt"),
  variableTask("vt-turns", { chains: 2, hops: 2, turns: 2 }),
  commonWordsTask("cwe"),
  frequentWordsTask("fwe"),
  factBookTask("qa"),
  keyValueTask("kv-uuid"),
  keyValueTask("kv-pairs", { kind: "pair" }),
  prefixSuffixTask("kv-prefix-suffix"),
  jointKeyTask("kv-joint"),
  factBookTask("facts-turns", { turns: 5 }),
  factBookTask("facts-choice", { turns: 4, choice: true }),
  chineseFactsTask("facts-chinese"),
  codeRepositoryTask("code-functions"),
  findNumberTask("find-number"),
  manyShotTask("many-shot"),
  workedExamplesTask("many-shot-dates", "dates"),
  workedExamplesTask("many-shot-objects", "objects"),
  workedExamplesTask("many-shot-odd-word", "odd-word"),
  summaryTask("summaries"),
  countingTask("counting"),
  mixedTask(
    "mixed-facts-needles",
    factBookTask("facts", { turns: 2 }),
    needleTask("needles", { keys: 2, turns: 2 }),
  ),
  mixedTask(
    "mixed-counting-kv",
    countingTask("counting", { turns: 2 }),
    keyValueTask("kv", { kind: "pair", turns: 2 }),
  ),
  mixedTask(
    "mixed-summaries-needles",
    summaryTask("summaries", { turns: 2 }),
    needleTask("needles", { keys: 5, turns: 2 }),
  ),
  codeRepositoryTask("mixed-code-kv", { keys: true }),
  reciteTask("recite"),
  listedProblemsTask("listed-problems"),
  listedProblemsTask("listed-choices", { choice: true }),
  listedFactsTask("listed-facts"),
  listedSumsTask("listed-sums"),
  listedKeysTask("listed-keys"),
  writtenPlanTask("written-plan"),
];

/** @throws MnemeError NOT_FOUND naming those that there are */
export function longTaskNamed(name: string): LongTask {
  const task = LONG_TASKS.find((one) => one.name === name);
  if (!task)
    throw new MnemeError(
      "NOT_FOUND",
      `long context: no task ${JSON.stringify(name)}; there are ${LONG_TASKS.map((one) => one.name).join(", ")}`,
    );
  return task;
}
