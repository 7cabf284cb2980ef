/** Questions about the whole of a context: extremes of numbers, a rule from many examples, how often something is said (SCBench's global tasks). */
import type { Random } from "../../linalg/random.ts";
import { haystack } from "./haystack.ts";
import { type LongTask, type LongTurn, longTask, takeWhileFits } from "./task.ts";
import { ADJECTIVES, different, NOUNS, nameOf, pick } from "./vocabulary.ts";

const FINDS: readonly [string, (sorted: readonly number[]) => number][] = [
  ["largest", (sorted) => sorted.at(-1)!],
  ["smallest", (sorted) => sorted[0]!],
  ["second largest", (sorted) => [...new Set(sorted)].at(-2)!],
  ["second smallest", (sorted) => [...new Set(sorted)][1]!],
  ["median", (sorted) => sorted[(sorted.length - 1) / 2]!],
];

/** A list of numbers of three digits, an odd number of them; largest, smallest, median. */
export function findNumberTask(name: string, { turns = 3 } = {}): LongTask {
  return longTask(name, "global", 64, (random, { tokens, countTokens }) => {
    const intro = "Here is a list of numbers: ";
    const made = (function* () {
      for (;;) yield `${100 + random.integer(900)}, `;
    })();
    const pieces = takeWhileFits(made, tokens - countTokens(intro), countTokens);
    const numbers = pieces
      .slice(0, pieces.length - ((pieces.length + 1) % 2))
      .map((piece) => Number.parseInt(piece, 10));
    const sorted = [...numbers].sort((a, b) => a - b);
    return {
      context: `${intro}${numbers.join(", ")}.`,
      turns: random
        .shuffle([...FINDS])
        .slice(0, turns)
        .map(([which, find]) => ({
          question: `What is the ${which} number of the list? Answer with the number alone.`,
          answers: [String(find(sorted))],
          reply: String(find(sorted)),
        })),
      scorer: "number",
    };
  });
}

/** Labelled examples of a rule that is not told: by which of four lists a word of the sentence is from. */
export function manyShotTask(name: string, { turns = 4 } = {}): LongTask {
  return longTask(name, "global", 200, (random, { tokens, countTokens }) => {
    const labels = different(4, () => nameOf(random));
    const words = random.shuffle([...NOUNS]).slice(0, 40);
    const example = (): [string, string] => {
      const i = random.integer(words.length);
      return [`The ${pick(random, ADJECTIVES)} ${words[i]} is here.`, labels[i % 4]!];
    };
    const intro = "Learn from the examples to which group a sentence belongs.\n";
    const seen = new Map<string, string>();
    const made = (function* () {
      for (;;) {
        const [sentence, label] = example();
        seen.set(sentence, label);
        yield `Sentence: ${sentence}\nGroup: ${label}\n`;
      }
    })();
    const lines = takeWhileFits(made, tokens - countTokens(intro), countTokens);
    const context = intro + lines.join("").trimEnd();
    const asked: LongTurn[] = [];
    while (asked.length < turns) {
      const [sentence, label] = example();
      const noun = sentence.split(" ")[2]!;
      // new sentences about words whose group was shown
      if (context.includes(sentence) || !context.includes(` ${noun} is`)) continue;
      asked.push({ question: `Sentence: ${sentence}\nGroup:`, answers: [label], reply: label });
    }
    return { context, turns: asked, scorer: "any" };
  });
}

/** How many times was something seen? Reports are strewn over the text. */
export function countingTask(name: string, { turns = 3, most = 9 } = {}): LongTask {
  return longTask(name, "global", 400, (random, { tokens, countTokens, filler }) => {
    const places = different(turns, () => nameOf(random));
    const counts = places.map(
      () => 1 + random.integer(Math.min(most, Math.max(1, Math.floor(tokens / (24 * turns))))),
    );
    const reports = random.shuffle(
      places.flatMap((place, p) => Array.from({ length: counts[p]! }, () => reportOf(random, place))),
    );
    const context = haystack(reports, { random, tokens, countTokens, kind: "sentences", filler });
    const asked = places.map((place, p) => ({
      question: `How many reports are there from ${place}? Answer with the number alone.`,
      answers: [String(counts[p])],
      reply: String(counts[p]),
    }));
    return { context, turns: asked, scorer: "number" };
  });
}

const reportOf = (random: Random, place: string): string =>
  `Report from ${place}: ${pick(random, ADJECTIVES)} ${pick(random, NOUNS)} seen.`;
