/** The prompt of a question over numbered passages, within a model's context: as mneme-lm was trained on, and understood by others. */
import { MnemeError } from "../../errors.ts";
import type { ChatMessage, LanguageModel } from "../../model/index.ts";
import type { Passage } from "./evidence.ts";

const NOT_IN_LIBRARY = "Not in the library.";

/** Told to models whose template has a place for it. */
const INSTRUCTION =
  "Answer the question from the numbered passages and from nothing else. Behind each sentence put the number of the passage that says so, " +
  `as [1]. Be brief. If the passages do not hold the answer, reply only: ${NOT_IN_LIBRARY}`;

/** A question and what was said before it. */
export interface Conversation {
  /** As it was said. */
  readonly said: string;
  /** The same with the questions that it leans on before it: what a model is asked that hears nothing else of the conversation. */
  readonly question: string;
  readonly before: readonly ChatMessage[];
}

export interface Prompt {
  readonly messages: readonly ChatMessage[];
  /** Those that found room: number n is passages[n - 1]. */
  readonly passages: readonly Passage[];
  /** The model takes no instruction: it was trained to quote. */
  readonly bare: boolean;
}

export interface PromptLimits {
  /** Passages at most. */
  readonly most: number;
  /** The same for a model that takes no instruction. */
  readonly mostBare: number;
  /** Room that the answer needs. */
  readonly answerTokens: number;
}

/**
 * As many of the passages, the best first, as find room.
 * @throws MnemeError RANGE where not even one passage fits beside the question
 */
export async function promptOf(
  model: LanguageModel,
  { said, question, before }: Conversation,
  passages: readonly Passage[],
  { most, mostBare, answerTokens }: PromptLimits,
): Promise<Prompt> {
  const room = model.config.context - answerTokens;
  const place = await placeOfInstruction(model);
  const wanted = place === "none" ? mostBare : most;
  // a model that takes no instruction was trained on one question alone
  const turns = place === "none" ? [] : await turnsOf(model, before, room * TURNS_SHARE);
  const asked = turns.length > 0 ? said : question;
  for (let count = Math.min(wanted, passages.length); count > 0; count--) {
    const given = passages.slice(0, count);
    const messages = messagesOf(asked, given, place, turns);
    const { length } = await model.encode(await model.chatPrompt(messages));
    if (length <= room) return { messages, passages: given, bare: place === "none" };
  }
  throw new MnemeError(
    "RANGE",
    `ask: no passage fits into the model's context of ${model.config.context} tokens beside the question; use a model with a longer one`,
  );
}

/** Of the room, what was said before may take so much: the oldest is left out first. */
const TURNS_SHARE = 0.25;

/** Citations and lists of sources, which were numbered by other passages. */
function withoutSources(answer: string): string {
  return answer
    .replace(/^\[\d+\] .*$/gm, "")
    .replace(/\s*\[\d+\]/g, "")
    .trim();
}

/** The last questions and answers that find room, a question first. */
async function turnsOf(
  model: LanguageModel,
  before: readonly ChatMessage[],
  room: number,
): Promise<readonly ChatMessage[]> {
  const turns: ChatMessage[] = [];
  for (let at = before.length - 2; at >= 0; at -= 2) {
    const [asked, answered] = [before[at]!, before[at + 1]!];
    if (asked.role !== "user" || answered.role !== "assistant") break;
    const pair = [asked, { ...answered, content: withoutSources(answered.content) }];
    const { length } = await model.encode(await model.chatPrompt([...pair, ...turns]));
    if (length > room) break;
    turns.unshift(...pair);
  }
  return turns;
}

function messagesOf(
  question: string,
  passages: readonly Passage[],
  place: InstructionPlace,
  turns: readonly ChatMessage[],
): ChatMessage[] {
  const blocks = passages.map((passage, i) => `[${i + 1}] # ${titleOf(passage)}\n${bodyOf(passage)}`);
  const content = `${blocks.join("\n\n")}\n\nQuestion: ${question}`;
  if (place === "system")
    return [{ role: "system", content: INSTRUCTION }, ...turns, { role: "user", content }];
  return [...turns, { role: "user", content: place === "user" ? `${INSTRUCTION}\n\n${content}` : content }];
}

/** The innermost heading with the outermost, as "Document: Section". */
function titleOf({ headings, hit }: Passage): string {
  const inner = [...hit.snippet.matchAll(/^#{1,6} (.*)$/gm)].map((match) => match[1]!);
  const all = [...new Set([...headings, ...inner])];
  if (all.length === 0) return hit.id;
  return all.length === 1 ? all[0]! : `${all[0]}: ${all.at(-1)}`;
}

function bodyOf({ text }: Passage): string {
  return text
    .replace(/^#{1,6} .*$/gm, "")
    .replace(/\n\s*\n+/g, "\n")
    .trim();
}

type InstructionPlace = "system" | "user" | "none";

const places = new WeakMap<LanguageModel, Promise<InstructionPlace>>();

/** Where a model's template lets an instruction stand. */
function placeOfInstruction(model: LanguageModel): Promise<InstructionPlace> {
  let place = places.get(model);
  if (!place) {
    place = findPlace(model);
    places.set(model, place);
  }
  return place;
}

/**
 * A template that refuses a system message takes the instruction with the question. One that shows it as if the assistant had spoken
 * knows no instructions, nor does its model, which was trained on bare passages.
 */
async function findPlace(model: LanguageModel): Promise<InstructionPlace> {
  const user = { role: "user", content: "question" };
  const render = async (role: string): Promise<string> =>
    model.chatPrompt([{ role, content: "instruction" }, user]);
  try {
    const system = await render("system");
    const spoken = await render("assistant").catch(() => "");
    return system === spoken ? "none" : "system";
  } catch {
    return "user";
  }
}
