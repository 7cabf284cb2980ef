/** Saying again what stands in the context, word for word: the answer is as long as what is recited, and attention must walk along. */
import { sentences } from "./haystack.ts";
import { type LongTask, longTask } from "./task.ts";

export interface ReciteOptions {
  /** Paragraphs that one answer has. */
  readonly paragraphs?: number;
  readonly turns?: number;
}

const SENTENCES = 2;

export function reciteTask(name: string, { paragraphs = 3, turns = 1 }: ReciteOptions = {}): LongTask {
  return longTask(
    name,
    "long answers",
    64 * paragraphs,
    (random, { tokens, countTokens, phrasing, filler }) => {
      const lines: string[] = [];
      const source = sentences({ kind: "sentences", filler, random });
      for (let used = 0; ; ) {
        const text = Array.from({ length: SENTENCES }, () => source.next().value).join(" ");
        used += countTokens(`(${lines.length + 1}) ${text}\n`);
        if (used > tokens) break;
        lines.push(text);
      }
      const context = lines.map((line, i) => `(${i + 1}) ${line}`).join("\n");
      // mneme-lm learnt to repeat one paragraph by its number
      const length = phrasing === "mneme-lm" ? 1 : Math.min(paragraphs, lines.length);
      const asked = Array.from({ length: turns }, () => random.integer(lines.length - length + 1));
      return {
        context,
        turns: asked.map((from) => {
          const wanted = lines.slice(from, from + length).join("\n");
          const which =
            length === 1
              ? `paragraph (${from + 1})`
              : `paragraphs (${from + 1}) to (${from + length}), without their numbers`;
          return { question: `Repeat ${which}.`, answers: [wanted], reply: wanted };
        }),
        scorer: "start",
      };
    },
  );
}
