/** Several articles in one context, one of them to be summarised: an article says its events among other sentences, its abstract says them shortly (SCBench's summaries). */
import type { Random } from "../../linalg/random.ts";
import { haystack } from "./haystack.ts";
import { type LongTask, longTask } from "./task.ts";
import { ADJECTIVES, different, NOUNS, nameOf, numberOf, pick } from "./vocabulary.ts";

/** WHO, PLACE, THING and YEAR stand for themselves, each drawn anew for each event. */
const EVENTS: readonly { readonly told: string; readonly abstract: string }[] = [
  {
    told: "After a long winter WHO left home with a few friends, and before the year YEAR was over they had reached PLACE.",
    abstract: "WHO travelled to PLACE in YEAR.",
  },
  {
    told: "It was under the old bridge of PLACE that WHO, who had looked elsewhere for years, at last came upon THING.",
    abstract: "WHO found THING in PLACE.",
  },
  {
    told: "Nobody had asked for it, but from YEAR on WHO spent every evening making THING.",
    abstract: "WHO built THING in YEAR.",
  },
  {
    told: "The council of PLACE could not agree, so WHO was given the office and held it from YEAR.",
    abstract: "WHO governed PLACE from YEAR.",
  },
  {
    told: "When money ran short, WHO let THING go to a dealer from PLACE, who paid at once.",
    abstract: "WHO sold THING to PLACE.",
  },
  {
    told: "WHO had always wanted to teach, and in YEAR the doors of a school opened in PLACE.",
    abstract: "WHO founded a school in PLACE in YEAR.",
  },
];

export interface SummaryOptions {
  readonly turns?: number;
  /** Articles at most; short contexts have fewer. */
  readonly articles?: number;
  /** Events of an article, no more than six. */
  readonly events?: number;
}

const EVENT_TOKENS = 40;

export function summaryTask(
  name: string,
  { turns = 2, articles = 8, events = 3 }: SummaryOptions = {},
): LongTask {
  const articleTokens = EVENT_TOKENS * (events + 2);
  return longTask(name, "global", articleTokens * turns + 20, (random, { tokens, countTokens, filler }) => {
    const intro = "Read the articles. I will ask for summaries of some of them.\n";
    const room = tokens - countTokens(intro);
    const count = Math.max(turns, Math.min(articles, Math.floor(room / articleTokens)));
    const titles = different(count, () => nameOf(random));
    const made = titles.map((title) => {
      const head = `Article: The story of ${title}\n`;
      const facts = factsOf(random, events);
      const size = Math.floor(room / count) - countTokens(head) - 2;
      const told = facts.map(([sentence]) => sentence);
      const body = haystack(told, { random, tokens: size, countTokens, kind: "sentences", filler });
      return { title, text: head + body, abstract: facts.map(([, short]) => short).join(" ") };
    });
    const asked = random.shuffle(random.sample(count, turns)).map((i) => made[i]!);
    return {
      context: intro + made.map(({ text }) => text).join("\n\n"),
      turns: asked.map(({ title, abstract }) => ({
        question: `Summarise the article "The story of ${title}": who did what, where and when? One short sentence for each event.`,
        answers: [abstract],
        reply: abstract,
      })),
      scorer: "rouge",
    };
  });
}

function factsOf(random: Random, events: number): [told: string, abstract: string][] {
  return random
    .shuffle([...EVENTS])
    .slice(0, events)
    .map(({ told, abstract }) => {
      const values: readonly [string, string][] = [
        ["WHO", nameOf(random)],
        ["PLACE", nameOf(random)],
        ["THING", `the ${pick(random, ADJECTIVES)} ${pick(random, NOUNS)}`],
        ["YEAR", `1${numberOf(random, 3)}`],
      ];
      const filled = (text: string): string =>
        values.reduce((filling, [word, value]) => filling.replaceAll(word, value), text);
      return [filled(told), filled(abstract)];
    });
}
