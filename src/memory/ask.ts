/** ask: recall, then the best sentences with numbered citations. A language model takes this place behind the same face later. */
import type { Embedder } from "../embed/embedder.ts";
import { MnemeError, throwIfAborted } from "../errors.ts";
import { extractAnswer } from "./answer/extract.ts";
import type { Library } from "./library.ts";
import { search } from "./search.ts";
import type { AnswerPart, AskOptions, Citation, Hit } from "./types.ts";

export const askDefaults = { k: 8, sentences: 4 } as const;

/** Longer than any passage: the snippet is the whole of it. */
const WHOLE_PASSAGE = 1_000_000;

export async function* ask(
  library: Library,
  embedderNow: () => Embedder,
  question: string,
  options: AskOptions,
): AsyncGenerator<AnswerPart> {
  const started = performance.now();
  if (typeof question !== "string" || question.trim() === "") {
    throw new MnemeError(
      "ARGUMENT",
      'ask: the question is empty; ask in words, e.g. "How are posting lists pruned?"',
    );
  }
  const { signal, filter, k = askDefaults.k, sentences = askDefaults.sentences } = options;
  const found = await search(library, embedderNow, question, {
    k,
    group: "passage",
    snippet: WHOLE_PASSAGE,
    ...(filter ? { filter } : {}),
    ...(signal ? { signal } : {}),
  });
  const passages = found.hits.map((hit) => ({ text: hit.snippet, score: hit.score }));
  const { answered, reason, sentences: chosen } = extractAnswer(question, passages, { sentences });
  const numbers = new Map<number, number>();
  for (const { text, passage } of chosen) {
    throwIfAborted(signal, "ask");
    if (!numbers.has(passage)) numbers.set(passage, numbers.size + 1);
    const number = numbers.get(passage)!;
    yield { type: "text", text: `${text} ` };
    yield {
      type: "citation",
      text: `[${number}] `,
      citation: citationOf(found.hits[passage]!, number, text),
    };
  }
  const why = found.hits.length === 0 ? "nothing in the library matches the question" : reason;
  yield {
    type: "done",
    text: "",
    answered,
    ...(why && !answered ? { reason: why } : {}),
    ms: performance.now() - started,
  };
}

function citationOf({ id, passage, title, place, provenance }: Hit, number: number, quote: string): Citation {
  return { number, id, passage, title, quote, place, provenance };
}
