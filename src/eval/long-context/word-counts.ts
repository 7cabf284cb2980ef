/** Which words come most often? Seen only by who reads the whole context (RULER, 2024: common words, frequent words). */
import { MnemeError } from "../../errors.ts";
import { type LongTask, longTask } from "./task.ts";
import { ADJECTIVES, different, lettersOf, NOUNS } from "./vocabulary.ts";

/** Times that a common word and any other stand in the list. */
const COMMON_TIMES = 30;
const OTHER_TIMES = 3;
/** Tokens of one numbered word, about. */
const ENTRY_TOKENS = 5;

/** Ten words many times, all others few times, in one shuffled list. */
export function commonWordsTask(name: string, common = 10): LongTask {
  return longTask(name, "global", 200, (random, { tokens, countTokens }) => {
    const words = random.shuffle([...ADJECTIVES, ...NOUNS]);
    const intro =
      "Below is a numbered list of words. In these words, some appear more often than others. Memorize the ones that appear most often.\n";
    const room = Math.floor((tokens - countTokens(intro)) / ENTRY_TOKENS);
    // short contexts have fewer of both, in the same proportion
    const times = Math.min(COMMON_TIMES, Math.max(2, Math.floor(room / (2 * common))));
    const others = Math.min(words.length - common, Math.floor((room - times * common) / OTHER_TIMES));
    const often = Math.max(1, Math.min(OTHER_TIMES, times - 1));
    const list = random.shuffle(
      words
        .slice(0, common + others)
        .flatMap((word, i) => Array<string>(i < common ? times : often).fill(word)),
    );
    let context = intro;
    for (let n = list.length; ; n -= 1 + Math.floor(n / 50)) {
      context = `${intro}${list
        .slice(0, n)
        .map((word, i) => `${i + 1}. ${word}`)
        .join(" ")}`;
      if (countTokens(context) <= tokens) break;
    }
    const answers = mostOften(context, words.slice(0, common));
    const lead = `The top ${common} words that appear most often in the list are:`;
    const turn = {
      question: `What are the ${common} most common words in the above list?`,
      answers,
      reply: `${lead} ${answers.join(", ")}`,
      lead,
    };
    return { context, turns: [turn], scorer: "all" };
  });
}

/** Those that were planted: cutting a list short must not have changed which they are. */
function mostOften(text: string, planted: readonly string[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const word of text.split("\n")[1]!.match(/[a-z]+/g) ?? [])
    counts.set(word, (counts.get(word) ?? 0) + 1);
  const ranked = [...counts.entries()].sort((a, b) => b[1] - a[1]);
  const least = Math.min(...planted.map((word) => counts.get(word) ?? 0));
  if (ranked[planted.length] && ranked[planted.length]![1] >= least)
    throw new MnemeError(
      "RANGE",
      "common words: the context is too short for a clear answer; make it longer",
    );
  return planted;
}

/** Coded words whose counts fall like a zeta distribution, dots between them; the first three are asked for. */
export function frequentWordsTask(name: string, { kinds = 24, alpha = 2 } = {}): LongTask {
  return longTask(name, "global", 120, (random, { tokens, countTokens }) => {
    const words = different(kinds, () => lettersOf(random, 6));
    const intro = "Read the following coded text and track the frequency of each coded word.\n";
    const shares = words.map((_, i) => (i + 1) ** -alpha);
    const all = shares.reduce((a, b) => a + b, 0);
    const textOf = (size: number): string => {
      const counts = shares.map((share) => Math.max(1, Math.round((size * share) / all)));
      // neighbours in rank differ, so that the first three are clear
      for (let i = Math.min(3, kinds - 1); i > 0; i--)
        counts[i - 1] = Math.max(counts[i - 1]!, counts[i]! + 1);
      return random.shuffle(words.flatMap((word, i) => Array<string>(counts[i]!).fill(word))).join(" ... ");
    };
    const perWord = countTokens(`${words[0]} ...`) + 1;
    let size = Math.floor((tokens - countTokens(intro)) / perWord);
    let text = textOf(size);
    while (countTokens(intro + text) > tokens && size > kinds) {
      size = Math.floor(size * 0.9);
      text = textOf(size);
    }
    const answers = words.slice(0, 3);
    const lead = "According to the coded text above, the three most frequently appeared words are:";
    const question =
      "Please ignore the dots. What are the three most frequently appeared words in the above coded text?";
    return {
      context: intro + text,
      turns: [{ question, answers, reply: `${lead} ${answers.join(", ")}`, lead }],
      scorer: "all",
    };
  });
}
