/** Needles in a haystack: values under keys, hidden in text (Kamradt 2023; Hsieh et al., RULER: What's the Real Context Size of Your Long-Context Language Models?, 2024). */
import type { Random } from "../../linalg/random.ts";
import { haystack } from "./haystack.ts";
import { type LongTask, type LongTurn, listed, longTask, type Phrasing, takeWhileFits } from "./task.ts";
import { different, NOUNS, numberOf, pairOf, pick, uuidOf } from "./vocabulary.ts";

export interface NeedleOptions {
  readonly keys?: number;
  readonly valuesPerKey?: number;
  /** Keys that one question asks for. */
  readonly asked?: number;
  /** Questions about one context. */
  readonly turns?: number;
  /** needles: nothing but needles. */
  readonly hay?: "noise" | "sentences" | "needles";
  readonly keyKind?: "pair" | "uuid";
  readonly valueKind?: "number" | "word" | "uuid";
}

export const needleDefaults = {
  keys: 1,
  valuesPerKey: 1,
  asked: 1,
  turns: 1,
  hay: "sentences",
  keyKind: "pair",
  valueKind: "number",
} as const satisfies Required<NeedleOptions>;

interface Needle {
  readonly key: string;
  readonly values: readonly string[];
}

/** Tokens that one needle has at most, about. */
const NEEDLE_TOKENS = 60;

export function needleTask(name: string, options: NeedleOptions = {}): LongTask {
  const whole = { ...needleDefaults, ...options };
  const { keys, valuesPerKey, hay } = whole;
  const least = 50 + NEEDLE_TOKENS * (hay === "needles" ? whole.asked : keys * valuesPerKey);
  return longTask(name, "string retrieval", least, (random, { tokens, countTokens, filler, phrasing }) => {
    const intro = `Some special magic ${whole.valueKind}s are hidden within the following text. Make sure to memorize it. I will quiz you about the ${whole.valueKind}s afterwards.\n`;
    const room = tokens - countTokens(intro);
    const needles =
      hay === "needles"
        ? fillWithNeedles(random, whole, room, countTokens)
        : different(keys, () => keyOf(random, whole)).map((key) => needleOf(random, key, whole));
    // all lines are mixed: a key's values then come in the order of the text
    const order = random.shuffle(
      needles.flatMap(({ key, values }) => values.map((value) => ({ key, value }))),
    );
    const placed = needles.map(({ key }) => ({
      key,
      values: order.filter((one) => one.key === key).map(({ value }) => value),
    }));
    const lines = order.map(({ key, value }) => lineOf(key, value, whole.valueKind));
    const text =
      hay === "needles"
        ? lines.join("\n")
        : haystack(lines, { random, tokens: room, countTokens, kind: hay, filler });
    const turns = Array.from({ length: whole.turns }, () => {
      const asked = random.sample(placed.length, whole.asked).map((i) => placed[i]!);
      return turnOf(random.shuffle(asked), whole, phrasing);
    });
    return { context: intro + text, turns, scorer: "all" };
  });
}

const keyOf = (random: Random, { keyKind }: Required<NeedleOptions>): string =>
  keyKind === "uuid" ? uuidOf(random) : pairOf(random);

function needleOf(random: Random, key: string, { valuesPerKey, valueKind }: Required<NeedleOptions>): Needle {
  const value = {
    number: () => numberOf(random, 7),
    word: () => pick(random, NOUNS),
    uuid: () => uuidOf(random),
  };
  return { key, values: different(valuesPerKey, value[valueKind]) };
}

const lineOf = (key: string, value: string, kind: string): string =>
  `One of the special magic ${kind}s for ${key} is: ${value}.`;

function fillWithNeedles(
  random: Random,
  options: Required<NeedleOptions>,
  tokens: number,
  countTokens: (text: string) => number,
): Needle[] {
  const seen = new Map<string, Needle>();
  const made = (function* () {
    for (;;) {
      const key = keyOf(random, options);
      if (seen.has(key)) continue;
      const needle = needleOf(random, key, options);
      seen.set(key, needle);
      yield needle.values.map((value) => `${lineOf(key, value, options.valueKind)}\n`).join("");
    }
  })();
  const fitting = takeWhileFits(made, tokens, countTokens).length;
  return [...seen.values()].slice(0, fitting);
}

function turnOf(
  needles: readonly Needle[],
  { valueKind, valuesPerKey }: Required<NeedleOptions>,
  phrasing: Phrasing,
): LongTurn {
  const keys = listed(needles.map(({ key }) => key));
  const answers = needles.flatMap(({ values }) => values);
  const many = answers.length > 1;
  const thing = `special magic ${valueKind}${many ? "s" : ""} for ${keys}`;
  const [all, is] = many ? ["are all the", "are"] : ["is the", "is"];
  const asked = valuesPerKey === 1 && many ? "are the" : all;
  const words = listed(answers);
  if (phrasing === "mneme-lm")
    return { question: `What ${asked} ${thing}?`, answers, reply: `The ${thing} ${is} ${words}.` };
  const place = "mentioned in the provided text";
  const lead = `The ${thing} ${place} ${is}`;
  return { question: `What ${asked} ${thing} ${place}?`, answers, reply: `${lead} ${words}.`, lead };
}
