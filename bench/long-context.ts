/**
 * Which tasks of the long-context suite can the bundled model do with its whole cache? Score of each task, every question asked by itself.
 * What it cannot do says nothing about a cache. Switches: --scale N for N examples of each task, --only TASK.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { LONG_TASKS, type LongExample, multiRequest, PHRASINGS, scoreAnswer } from "../src/eval/index.ts";
import { bundledModel, load } from "../src/model/load.ts";
import type { Model } from "../src/model/model.ts";
import { printFigure, repository, switches } from "./row.ts";

const TOKENS = 1024;
/** Tokens that an answer may have beside those of the right one. */
const SPARE_TOKENS = 16;
const SEED = 1;

function modelFolder(): string {
  const shared = resolve(repository, "../shared/models/mneme-lm");
  return process.env.MNEME_MODEL ?? (existsSync(shared) ? shared : bundledModel());
}

async function answerOf(model: Model, prompt: string, maxTokens: number): Promise<string> {
  let text = "";
  for await (const piece of model.generate(prompt, { maxTokens }))
    if (piece.type !== "done") text += piece.text;
  return text;
}

async function scoresOf(model: Model, example: LongExample): Promise<number[]> {
  const scores: number[] = [];
  for (const { messages, turn } of multiRequest(example)) {
    const lead = turn.lead ?? "";
    const maxTokens = model.tokenizer.encode(turn.reply).length + SPARE_TOKENS;
    const answer = await answerOf(model, model.chatPrompt(messages) + lead, maxTokens);
    if (process.env.MNEME_SHOW) console.log({ question: turn.question, reply: turn.reply, answer });
    scores.push(scoreAnswer(turn.scorer ?? example.scorer, answer, turn.answers, turn.others));
  }
  return scores;
}

async function main(): Promise<void> {
  await using model = await load(modelFolder());
  const countTokens = (text: string): number => model.tokenizer.encode(text).length;
  for (const task of LONG_TASKS) {
    if (switches.only && switches.only !== task.name) continue;
    for (const phrasing of PHRASINGS) {
      const scores: number[] = [];
      const options = {
        seed: SEED,
        tokens: TOKENS,
        count: Math.max(1, switches.scale),
        countTokens,
        phrasing,
      };
      for (const example of task.make(options)) scores.push(...(await scoresOf(model, example)));
      printFigure("long-context", {
        metric: `${task.name}, ${TOKENS} tokens, ${phrasing}`,
        unit: "",
        ours: scores.reduce((sum, score) => sum + score, 0) / scores.length,
        better: "more",
        note: `${task.family}, ${scores.length} answers`,
      });
    }
  }
}

void main();
