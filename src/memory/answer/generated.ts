/**
 * Answers by a language model over numbered passages. Nothing goes out unchecked: a sentence is held until it is whole, its citations
 * are compared with what their passages say, and what no passage says is left out (Gao et al., Enabling Large Language Models to
 * Generate Text with Citations, 2023: here the check is of words and numbers, not by another model).
 */
import type { ChatPiece, LanguageModel } from "../../model/index.ts";
import { type CitedSentence, CitedText } from "./cited-text.ts";
import type { Passage } from "./evidence.ts";
import { proseFactor } from "./extract.ts";
import { type Conversation, type Prompt, promptOf } from "./prompt.ts";
import { Supporter } from "./support.ts";

export interface CheckedSentence {
  readonly text: string;
  /** Passages that say so, by their place in the evidence. */
  readonly passages: readonly number[];
}

/** What became of the model's words; filled while they come. */
export interface Report {
  /** Why sentences or citations are not as the model wrote them. */
  readonly notes: string[];
  /** Why there is no answer, where the model said so itself. */
  refusal?: string;
}

export const generatedDefaults = {
  /** Passages that a model is given at most. */
  passages: 6,
  /** The same of a model that takes no instruction: such small ones quote well and choose badly, the best passage alone serves them best. */
  barePassages: 1,
  answerTokens: 256,
} as const;

/** A model that says that it does not know. */
const REFUSAL =
  /\bnot in the library\b|\b(do(es)? not|don't|doesn't|cannot|can't|could not|no|not)\b[^.]{0,40}\b(know|hold|contain|mention|answer|provide|provided|information|found|find)\b/i;
/** What proseFactor gives to lists of links: a quote of one answers nobody. Code may. */
const LINKS = 0.25;
/** Sentences one after another that add nothing: the model goes round in circles. */
const MOST_IDLE = 2;

/** The sentences that hold, as they come. @throws what the model throws */
export async function* checkedSentences(
  model: LanguageModel,
  conversation: Conversation,
  evidence: readonly Passage[],
  report: Report,
  signal: AbortSignal | undefined,
): AsyncGenerator<CheckedSentence> {
  const { passages, barePassages, answerTokens } = generatedDefaults;
  const tokens = Math.min(answerTokens, Math.floor(model.config.context / 4));
  const limits = { most: passages, mostBare: barePassages, answerTokens: tokens };
  const prompt = await promptOf(model, conversation, evidence, limits);
  const check = new Checker(conversation.question, prompt, report);
  const pieces = model.chat(prompt.messages, { maxTokens: tokens, ...(signal ? { signal } : {}) });
  for await (const sentence of sentencesOf(pieces)) {
    const checked = check.take(sentence);
    if (checked) yield checked;
    if (check.idle >= MOST_IDLE) return;
  }
}

async function* sentencesOf(pieces: AsyncIterable<ChatPiece>): AsyncGenerator<CitedSentence> {
  const text = new CitedText();
  let finished = false;
  for await (const piece of pieces) {
    if (piece.type === "text") yield* text.push(piece.text);
    if (piece.type === "done") finished = piece.finish === "stop";
  }
  // cut off where the tokens ended, a last sentence is half of one
  const rest = text.end();
  yield* finished ? rest : rest.slice(0, -1);
}

class Checker {
  /** Sentences since the last one that was taken. */
  idle = 0;
  readonly #support: Supporter;
  readonly #given: number;
  readonly #bare: boolean;
  readonly #report: Report;
  readonly #seen = new Set<string>();

  constructor(question: string, { passages, bare }: Prompt, report: Report) {
    this.#support = new Supporter(question, passages, bare);
    this.#given = passages.length;
    this.#bare = bare;
    this.#report = report;
  }

  take(sentence: CitedSentence): CheckedSentence | undefined {
    const { text } = sentence;
    const key = text.trim();
    if (key === "") return undefined;
    this.idle++;
    if (this.#seen.has(key)) return this.#drop(text, "it was said before");
    if (/^#+ [^\n]*$/.test(key)) return this.#drop(text, "it is a heading");
    this.#seen.add(key);
    const passages = this.#passagesOf(sentence);
    if (passages.length === 0) {
      if (REFUSAL.test(text)) {
        this.#report.refusal ??= `the model found no answer in the passages: ${JSON.stringify(key)}`;
        return undefined;
      }
      return this.#drop(text, "no passage says so");
    }
    if (this.#bare && proseFactor(key) <= LINKS) return this.#drop(text, "it is a list of links");
    if (key.endsWith("?")) return this.#drop(text, "it asks");
    if (!this.#support.isNew(text)) return this.#drop(text, "it only repeats the question");
    this.idle = 0;
    return { text, passages };
  }

  /** Of the cited passages those that say so; else the one that does. */
  #passagesOf({ text, cited }: CitedSentence): number[] {
    const given = cited.filter((number) => number >= 1 && number <= this.#given);
    for (const number of cited)
      if (!given.includes(number))
        this.#report.notes.push(`citation [${number}] dropped: ${this.#given} passages were given`);
    const right = given.filter((number) => this.#support.isSupported(text, number - 1));
    const best = right.length > 0 ? undefined : this.#support.best(text);
    const moved = best === undefined ? "dropped" : `moved to [${best + 1}]`;
    for (const number of given)
      if (!right.includes(number))
        this.#report.notes.push(
          `citation [${number}] ${moved}: its passage does not say ${JSON.stringify(shown(text))}`,
        );
    return best === undefined ? right.map((number) => number - 1) : [best];
  }

  #drop(text: string, why: string): undefined {
    this.#report.notes.push(`sentence left out, ${why}: ${JSON.stringify(shown(text))}`);
  }
}

function shown(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}
