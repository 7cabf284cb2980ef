/**
 * Does `ask` answer from the right passage, and does it say so when the library holds no answer? 100 questions made from headings and
 * up to 100 made from sentences over 10,000 held-out sections, and 50 that they cannot answer: by mneme-lm with its answers checked, and
 * by extraction, side by side. A question counts where the first citation is of the right section;
 * "all" where every citation is. Then once more with the headings hidden, so that a section has to be found by its text alone.
 * Switches: --only development for the other half of the questions, on which the limits were chosen.
 */
import { resolve } from "node:path";
import { open } from "../src/memory/index.ts";
import type { Citation, Memory } from "../src/memory/types.ts";
import type { LanguageModel } from "../src/model/index.ts";
import { loadOnThread } from "../src/model/index.ts";
import { type Part, type Question, questionsOf, sectionItems } from "./ask-data.ts";
import { dataFolder, printFigure, quantile, switches } from "./row.ts";

const WANTED = 0.8;

interface Outcome {
  readonly answered: boolean;
  readonly by: string;
  readonly cited: readonly string[];
  readonly ms: number;
}

async function askOne(memory: Memory, text: string, model: LanguageModel | false): Promise<Outcome> {
  const cited: Citation[] = [];
  for await (const part of memory.ask(text, { model })) {
    if (part.type === "citation") cited.push(part.citation);
    if (part.type === "done")
      return {
        answered: part.answered,
        by: part.by ?? "none",
        cited: cited.map(({ id }) => id),
        ms: part.ms,
      };
  }
  throw new Error("ask ended without its last part");
}

async function askAll(
  memory: Memory,
  questions: readonly Question[],
  model: LanguageModel | false,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const { text } of questions) outcomes.push(await askOne(memory, text, model));
  return outcomes;
}

const shareOf = (outcomes: readonly Outcome[], holds: (outcome: Outcome, i: number) => boolean): number =>
  outcomes.filter(holds).length / outcomes.length;

/** Extraction is the baseline of the model. */
async function compare(
  memory: Memory,
  model: LanguageModel,
  name: string,
  questions: readonly Question[],
  claimed: boolean,
): Promise<void> {
  const own = await askAll(memory, questions, model);
  const extracted = await askAll(memory, questions, false);
  const print = (
    metric: string,
    holds: (outcome: Outcome, i: number) => boolean,
    wanted = false,
    note?: string,
  ): void =>
    printFigure("ask", {
      system: "extraction",
      metric: `${name}: ${metric}`,
      unit: "",
      ours: shareOf(own, holds),
      baseline: shareOf(extracted, holds),
      better: "more",
      ...(wanted ? { least: WANTED } : {}),
      ...(note ? { note } : {}),
    });
  const right = (id: string, i: number): boolean => id === questions[i]!.answer;
  if (questions[0]!.answer === undefined) {
    print("said not to be in the library", ({ answered }) => !answered, claimed);
  } else {
    const byModel = own.filter(({ by }) => by === "model").length;
    const note = `${questions.length} questions, ${byModel} answered by the model`;
    print("first citation right", ({ cited }, i) => cited.length > 0 && right(cited[0]!, i), claimed, note);
    print("all citations right", ({ cited }, i) => cited.length > 0 && cited.every((id) => right(id, i)));
    print("some citation right", ({ cited }, i) => cited.some((id) => right(id, i)));
    print("answered", ({ answered }) => answered);
  }
  printFigure("ask", {
    metric: `${name}: p50 of an answer`,
    unit: "ms",
    ours: quantile(
      own.map(({ ms }) => ms),
      0.5,
    ),
    baseline: quantile(
      extracted.map(({ ms }) => ms),
      0.5,
    ),
    system: "extraction",
    better: "less",
  });
}

/** Share of questions whose section is among the passages that are read: no answer can be right more often. */
async function reportReach(memory: Memory, name: string, questions: readonly Question[]): Promise<void> {
  let found = 0;
  for (const { text, answer } of questions) {
    const { hits } = await memory.search(text, { k: 8, group: "passage", snippet: 0 });
    if (hits.some(({ id }) => id === answer)) found++;
  }
  const ours = found / questions.length;
  printFigure("ask", { metric: `${name}: section among 8 hits`, unit: "", ours, better: "more" });
}

async function main(): Promise<void> {
  const models = resolve(dataFolder(), "../models");
  const part: Part = switches.only === "development" ? "development" : "test";
  const { answerable, fromText, unanswerable } = questionsOf(resolve(models, "eval"), part);
  await using model = await loadOnThread(resolve(models, "mneme-lm"));
  for (const headings of [true, false]) {
    const memory = await open(":memory:", { workers: 0 });
    await memory.add(sectionItems(resolve(models, "eval"), headings));
    const over = headings ? "" : ", headings hidden";
    await reportReach(memory, `headings${over}`, answerable);
    await compare(memory, model, `headings${over}`, answerable, headings);
    if (headings) {
      await reportReach(memory, "sentences", fromText);
      await compare(memory, model, "sentences", fromText, false);
      await compare(memory, model, "unanswerable", unanswerable, true);
    }
    await memory.close();
  }
}

void main();
