/** Contexts of a wanted size: sentences that say nothing of the question, and things hidden between them. */
import { MnemeError } from "../../errors.ts";
import type { Random } from "../../linalg/random.ts";
import { sentenceOf } from "./vocabulary.ts";

export interface HaystackOptions {
  readonly random: Random;
  readonly tokens: number;
  readonly countTokens: (text: string) => number;
  /** noise: five short sentences again and again (RULER's). sentences: made-up ones, or those of `filler`. */
  readonly kind: "noise" | "sentences";
  readonly filler?: string | undefined;
}

const NOISE = [
  "The grass is green.",
  "The sky is blue.",
  "The sun is yellow.",
  "Here we go.",
  "There and back again.",
];
/** Sentences of a paragraph. */
const PARAGRAPH = 5;

/** @param hidden pieces that come in this order at random places. @throws MnemeError RANGE when they alone are too long */
export function haystack(hidden: readonly string[], options: HaystackOptions): string {
  const { random, tokens, countTokens } = options;
  const needed = hidden.reduce((sum, piece) => sum + countTokens(` ${piece}`), 0);
  if (needed > tokens)
    throw new MnemeError(
      "RANGE",
      `long context: what is hidden takes ${needed} tokens, the context may have ${tokens}; make it longer`,
    );
  const filler: string[] = [];
  let used = needed;
  for (const sentence of sentences(options)) {
    used += countTokens(` ${sentence}`) + (filler.length % PARAGRAPH === 0 ? 1 : 0);
    if (used > tokens) break;
    filler.push(sentence);
  }
  const places = hidden.map(() => random.integer(filler.length + 1)).sort((a, b) => a - b);
  let text = "";
  for (let i = 0, next = 0; i <= filler.length; i++) {
    for (; places[next] === i; next++) text += `${hidden[next]} `;
    if (i < filler.length) text += `${filler[i]}${i % PARAGRAPH === PARAGRAPH - 1 ? "\n" : " "}`;
  }
  return text.trimEnd();
}

/** Without end. */
export function* sentences({
  kind,
  filler,
  random,
}: Pick<HaystackOptions, "kind" | "filler" | "random">): Generator<string, never> {
  const known = kind === "noise" ? NOISE : filler === undefined ? undefined : sentencesIn(filler);
  if (!known) for (;;) yield sentenceOf(random);
  // of a given text another part each time
  for (let i = kind === "noise" ? 0 : random.integer(known.length); ; i++) yield known[i % known.length]!;
}

function sentencesIn(text: string): string[] {
  const found = text
    .split(/(?<=[.!?])\s+|\n+/)
    .map((sentence) => sentence.trim())
    .filter((sentence) => sentence !== "");
  if (found.length === 0)
    throw new MnemeError("ARGUMENT", "long context: the filler text is empty; give some sentences");
  return found;
}
