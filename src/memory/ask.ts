/**
 * ask and chat: recall, then an answer with numbered citations: by the language model that the caller names, each sentence checked against the
 * passages; without one, and where it gives nothing that holds, by the best sentences of the passages themselves.
 */
import type { Embedder } from "../embed/embedder.ts";
import { isMnemeError, MnemeError, throwIfAborted } from "../errors.ts";
import type { ChatMessage, LanguageModel } from "../model/index.ts";
import { Asked, contentTerms } from "./answer/cover.ts";
import { type Evidence, evidenceDefaults, gatherEvidence, type Passage } from "./answer/evidence.ts";
import { extractAnswer } from "./answer/extract.ts";
import { followUpOf, questionIn } from "./answer/follow-up.ts";
import type { CheckedSentence, Report } from "./answer/generated.ts";
import type { Conversation } from "./answer/prompt.ts";
import type { Library } from "./library.ts";
import { search } from "./search.ts";
import type { AnswerPart, AskOptions, Citation, Hit } from "./types.ts";

export const askDefaults = { k: 8, sentences: 4 } as const;
const MOST_PASSAGES = 100;
const MOST_SENTENCES = 50;

/** Longer than any passage: the snippet is the whole of it. */
const WHOLE_PASSAGE = 1_000_000;
/** Further hits, in place of those that are headings alone. */
const SPARE = 4;

/** @param model answers, where one is named */
export function ask(
  library: Library,
  embedderNow: () => Embedder,
  model: LanguageModel | undefined,
  question: string,
  options: AskOptions,
): AsyncGenerator<AnswerPart> {
  return answer(library, embedderNow, model, question, [], options);
}

/** The same of the last question of a conversation, with regard to what was said before it. */
export function chat(
  library: Library,
  embedderNow: () => Embedder,
  model: LanguageModel | undefined,
  messages: readonly ChatMessage[],
  options: AskOptions,
): AsyncGenerator<AnswerPart> {
  const { question, before } = questionIn(messages);
  return answer(library, embedderNow, model, question, before, options);
}

async function* answer(
  library: Library,
  embedderNow: () => Embedder,
  model: LanguageModel | undefined,
  said: string,
  before: readonly ChatMessage[],
  options: AskOptions,
): AsyncGenerator<AnswerPart> {
  const started = performance.now();
  const { evidence, question, wanted } = await foundFor(library, embedderNow, said, before, options);
  const report: Report = { notes: [] };
  const cite = new Citations(evidence);
  const done = (by: "model" | "extraction" | undefined, reason?: string): AnswerPart => ({
    type: "done",
    text: "",
    answered: by !== undefined,
    ...(by ? { by } : { reason: reason ?? "the library holds no answer" }),
    notes: report.notes,
    ...(question === said ? {} : { asked: question }),
    ms: performance.now() - started,
  });
  if (evidence.weakness !== undefined) {
    yield done(undefined, evidence.weakness);
    return;
  }
  if (model) {
    let answered = false;
    for await (const sentence of byModel(
      model,
      { said, question, before },
      evidence,
      report,
      options.signal,
    )) {
      answered = true;
      yield* cite.parts(sentence);
    }
    if (answered) {
      yield done("model");
      return;
    }
    if (report.refusal) report.notes.push(report.refusal);
    if (report.notes.length === 0) report.notes.push("the model came to no end of a sentence");
  }
  const extraction = extractFrom(library, wanted, evidence, options);
  for (const { text, passage } of extraction.sentences) {
    throwIfAborted(options.signal, "ask");
    yield* cite.parts({ text, passages: [passage] });
  }
  yield extraction.answered ? done("extraction") : done(undefined, extraction.reason);
}

interface Found {
  readonly evidence: Evidence;
  /** What was looked for. */
  readonly question: string;
  /** What a sentence of the passages found must say: not again what was asked before. */
  readonly wanted: string;
}

/** What is found for a question: with those before it where it leans on them and that finds something. */
async function foundFor(
  library: Library,
  embedderNow: () => Embedder,
  said: string,
  before: readonly ChatMessage[],
  options: AskOptions,
): Promise<Found> {
  const earlier = before.filter(({ role }) => role === "user").map(({ content }) => content);
  const weightOf = (term: string): number => library.words.idf(term);
  const followUp = followUpOf(said, earlier);
  if (followUp) {
    const { text, shareOf, own } = followUp;
    const weigh = (term: string): number => weightOf(term) * shareOf(term);
    const evidence = await evidenceOf(library, embedderNow, text, weigh, options);
    // what was asked before may not stand in for all that is asked now
    const asked = new Asked(own, weightOf);
    const covers = ({ headings, text: body }: Passage): boolean =>
      asked.cover(contentTerms([...headings, body].join("\n"))) >= evidenceDefaults.closeCover;
    if (evidence.weakness === undefined && (own.length === 0 || evidence.passages.some(covers)))
      return { evidence, question: text, wanted: own.length === 0 ? text : said };
  }
  const evidence = await evidenceOf(library, embedderNow, said, weightOf, options);
  return { evidence, question: said, wanted: said };
}

async function evidenceOf(
  library: Library,
  embedderNow: () => Embedder,
  question: string,
  weightOf: (term: string) => number,
  { signal, filter, k = askDefaults.k, sentences = askDefaults.sentences }: AskOptions,
): Promise<Evidence> {
  checkCount(k, "k", MOST_PASSAGES);
  checkCount(sentences, "sentences", MOST_SENTENCES);
  if (typeof question !== "string" || question.trim() === "") {
    throw new MnemeError(
      "ARGUMENT",
      'ask: the question is empty; ask in words, e.g. "How are posting lists pruned?"',
    );
  }
  const { hits } = await search(library, embedderNow, withoutSigns(question), {
    k: k + SPARE,
    group: "passage",
    snippet: WHOLE_PASSAGE,
    ...(filter ? { filter } : {}),
    ...(signal ? { signal } : {}),
  });
  const { passages, weakness } = gatherEvidence(question, hits, weightOf);
  return { passages: passages.slice(0, k), weakness };
}

function checkCount(value: number, name: string, most: number): void {
  if (!Number.isInteger(value) || value < 1 || value > most)
    throw new MnemeError("RANGE", `ask: ${name} must be a whole number from 1 to ${most}, got ${value}`);
}

/** A question names flags such as --force; to a search the sign would mean "without this word". */
function withoutSigns(question: string): string {
  return question.replace(/(^|\s)[-+]+(?=\S)/g, "$1");
}

/** Nothing where the model fails before its first sentence: the passages still are there. @throws MnemeError CANCELLED */
async function* byModel(
  model: LanguageModel,
  conversation: Conversation,
  evidence: Evidence,
  report: Report,
  signal: AbortSignal | undefined,
): AsyncGenerator<CheckedSentence> {
  const { checkedSentences } = await import("./answer/generated.ts");
  let begun = false;
  try {
    for await (const sentence of checkedSentences(model, conversation, evidence.passages, report, signal)) {
      begun = true;
      yield sentence;
    }
  } catch (error) {
    if (begun || !isMnemeError(error) || error.code === "CANCELLED") throw error;
    report.notes.push(`the model could not be asked: ${error.message}`);
  }
}

function extractFrom(
  library: Library,
  question: string,
  { passages }: Evidence,
  { sentences = askDefaults.sentences }: AskOptions,
): ReturnType<typeof extractAnswer> {
  const given = passages.map(({ text, headings, score }) => ({ text, headings, score }));
  return extractAnswer(question, given, { sentences, weightOf: (term) => library.words.idf(term) });
}

/** Numbers passages in the order in which they are cited. */
class Citations {
  readonly #hits: readonly Hit[];
  readonly #numbers = new Map<number, number>();

  constructor({ passages }: Evidence) {
    this.#hits = passages.map(({ hit }) => hit);
  }

  *parts({ text, passages }: CheckedSentence): Generator<AnswerPart> {
    const spaced = this.#numbers.size > 0 && !/^\s/.test(text) ? ` ${text}` : text;
    yield { type: "text", text: `${spaced} ` };
    for (const passage of passages) {
      const number = this.#numbers.get(passage) ?? this.#numbers.size + 1;
      this.#numbers.set(passage, number);
      yield {
        type: "citation",
        text: `[${number}]`,
        citation: citationOf(this.#hits[passage]!, number, text.trim()),
      };
    }
  }
}

function citationOf({ id, passage, title, place, provenance }: Hit, number: number, quote: string): Citation {
  return { number, id, passage, title, quote, place, provenance };
}
