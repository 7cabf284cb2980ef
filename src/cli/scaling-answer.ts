/** Short answers from a few passages, for a study: the best passage stands last, next to the question, and the worst is left out first. */
import { MnemeError } from "../errors.ts";
import type { Found, TextOf } from "../eval/index.ts";
import type { LanguageModel } from "../model/index.ts";

const ANSWER_TOKENS = 32;
const INSTRUCTION =
  "Answer the question in a few words, from the passages where they tell. Reply with the answer and nothing else.";

/** @throws MnemeError RANGE where the question alone is too long for the model */
export async function shortAnswer(
  model: LanguageModel,
  question: string,
  documents: readonly Found[],
  text: TextOf,
  signal: AbortSignal,
): Promise<string> {
  const texts = await Promise.all(documents.map(text));
  for (let count = texts.length; count >= 0; count--) {
    const content = promptOf(question, texts.slice(0, count));
    const messages = [{ role: "user", content }];
    const { length } = await model.encode(await model.chatPrompt(messages));
    if (length + ANSWER_TOKENS > model.config.context) continue;
    let said = "";
    for await (const piece of model.chat(messages, { maxTokens: ANSWER_TOKENS, temperature: 0, signal }))
      if (piece.type === "text") said += piece.text;
    return said.trim().split("\n")[0] ?? "";
  }
  throw new MnemeError(
    "RANGE",
    `scaling: the question alone is longer than the model's context of ${model.config.context} tokens: ${question.slice(0, 80)}`,
  );
}

function promptOf(question: string, best: readonly (string | undefined)[]): string {
  const passages = [...best].reverse().map((passage) => `Passage: ${passage}`);
  return [INSTRUCTION, ...passages, `Question: ${question}`].join("\n\n");
}
