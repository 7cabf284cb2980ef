/** Strings found by strings: keys of a JSON object, and strings by how they begin and end (Li et al., SCBench: A KV Cache-Centric Analysis of Long-Context Methods, 2025). */
import type { Random } from "../../linalg/random.ts";
import { type LongTask, longTask, takeWhileFits } from "./task.ts";
import { different, lettersOf, nameOf, numberOf, pairOf, uuidOf } from "./vocabulary.ts";

export interface KeyValueOptions {
  readonly turns?: number;
  readonly kind?: "uuid" | "pair";
}

const KEY_LEAD = "Corresponding value:";

/** One JSON object; each question names a key. */
export function keyValueTask(name: string, { turns = 5, kind = "uuid" }: KeyValueOptions = {}): LongTask {
  return longTask(name, "string retrieval", 64 * (turns + 1), (random, { tokens, countTokens, phrasing }) => {
    const key = (): string => (kind === "uuid" ? uuidOf(random) : pairOf(random));
    const value = (): string => (kind === "uuid" ? uuidOf(random) : numberOf(random, 7));
    const intro = "Extract the value corresponding to the specified key in the JSON object below.\n";
    const [pairs, lines] = fill(key, value, tokens - countTokens(intro) - 4, countTokens);
    const asked = random.sample(lines.length, turns).map((i) => pairs[i]!);
    return {
      context: `${intro}{${lines.join("").trimEnd().slice(0, -1)}}`,
      turns: random
        .shuffle(asked)
        .map(([k, v]) =>
          phrasing === "mneme-lm"
            ? { question: `What is the value of "${k}"?`, answers: [v], reply: `"${k}": "${v}"` }
            : { question: `Key: "${k}"`, answers: [v], reply: `${KEY_LEAD} "${v}"`, lead: KEY_LEAD },
        ),
      scorer: "any",
    };
  });
}

function fill(
  key: () => string,
  value: () => string,
  tokens: number,
  countTokens: (text: string) => number,
): [pairs: [string, string][], lines: string[]] {
  const pairs = new Map<string, string>();
  const made = (function* () {
    for (;;) {
      const k = key();
      if (pairs.has(k)) continue;
      const v = value();
      pairs.set(k, v);
      yield `"${k}": "${v}",\n`;
    }
  })();
  const lines = takeWhileFits(made, tokens, countTokens);
  return [[...pairs].slice(0, lines.length), lines];
}

const AFFIX = 6;
const STRING_LETTERS = [24, 32] as const;

/** Random strings, one a line; each question gives a beginning and an end that fit one alone. */
export function prefixSuffixTask(name: string, { turns = 5 }: { readonly turns?: number } = {}): LongTask {
  return longTask(name, "string retrieval", 64 * (turns + 1), (random, { tokens, countTokens }) => {
    const intro =
      "Memorize the strings below, one a line. I will ask for them by their beginnings and ends.\n";
    const strings = new Set<string>();
    const affixes = new Set<string>();
    const made = (function* () {
      for (;;) {
        const text = lettersOf(
          random,
          STRING_LETTERS[0] + random.integer(STRING_LETTERS[1] - STRING_LETTERS[0] + 1),
        );
        const affix = text.slice(0, AFFIX) + text.slice(-AFFIX);
        if (affixes.has(affix)) continue;
        affixes.add(affix);
        strings.add(text);
        yield `${text}\n`;
      }
    })();
    const lines = takeWhileFits(made, tokens - countTokens(intro), countTokens);
    const asked = random.sample(lines.length, turns).map((i) => lines[i]!.trimEnd());
    return {
      context: intro + lines.join("").trimEnd(),
      turns: random.shuffle(asked).map((text) => ({
        question: `Which string begins with "${text.slice(0, AFFIX)}" and ends with "${text.slice(-AFFIX)}"?`,
        answers: [text],
        reply: text,
      })),
      scorer: "any",
    };
  });
}

/** The same keys in several named groups: the value depends on both names. */
export function jointKeyTask(name: string, { groups = 4, turns = 5 } = {}): LongTask {
  return longTask(name, "string retrieval", 64 * groups, (random, { tokens, countTokens }) => {
    const names = different(groups, () => nameOf(random));
    const keys: string[] = [];
    const made = (function* () {
      for (;;) {
        const key = nameOf(random);
        if (keys.includes(key)) continue;
        keys.push(key);
        yield `${key}: ${numberOf(random, 7)}\n`.repeat(groups);
      }
    })();
    const heads = names.reduce((sum, group) => sum + countTokens(`In section ${group}:\n`), 0);
    keys.length = takeWhileFits(made, tokens - heads, countTokens).length;
    const values = new Map<string, string>();
    const blocks = names.map((group) => groupText(random, group, keys, values));
    const asked = random.sample(values.size, Math.min(turns, values.size)).map((i) => [...values][i]!);
    return {
      context: blocks.join("\n"),
      turns: random.shuffle(asked).map(([place, value]) => {
        const [group, key] = place.split("\n") as [string, string];
        return {
          question: `What is the value of ${key} in section ${group}?`,
          answers: [value],
          reply: `In section ${group}, ${key}: ${value}`,
        };
      }),
      scorer: "any",
    };
  });
}

function groupText(
  random: Random,
  group: string,
  keys: readonly string[],
  values: Map<string, string>,
): string {
  const lines = random.shuffle([...keys]).map((key) => {
    const value = numberOf(random, 7);
    values.set(`${group}\n${key}`, value);
    return `${key}: ${value}`;
  });
  return `In section ${group}:\n${lines.join("\n")}`;
}
