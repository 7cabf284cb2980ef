/**
 * A long text in numbered sections that must mention some things once, in a range of sections, or periodically (Wu et al., LongGenBench:
 * Benchmarking Long-Form Generation in Long Context LLMs, 2024; another benchmark than that of many questions). Differs from it: what is to
 * be mentioned is a made-up name, so that a search in the text judges it instead of a model.
 */
import { MnemeError } from "../../errors.ts";
import type { Random } from "../../linalg/random.ts";
import { haystack } from "./haystack.ts";
import { sectionsOf } from "./numbered.ts";
import { byQuarter } from "./position-score.ts";
import { type LongTask, longTask } from "./task.ts";
import { different, numberOf, pairOf } from "./vocabulary.ts";

export const DEMAND_KINDS = ["once", "range", "periodic"] as const;
export type DemandKind = (typeof DEMAND_KINDS)[number];

export interface PlanDemand {
  readonly kind: DemandKind;
  /** What the sections have to mention. */
  readonly mention: string;
  /** Numbers of the sections, from 1. */
  readonly sections: readonly number[];
}

export interface PlanScore {
  /** Share of the sections that are there. */
  readonly completed: number;
  /** Share of the demanded mentions that are there, of each kind; 1 where nothing of the kind is demanded. */
  readonly once: number;
  readonly range: number;
  readonly periodic: number;
  /** Of all kinds together. */
  readonly accuracy: number;
  /** The same among the sections that are there; 0 without one. */
  readonly accuracyOfCompleted: number;
  /** By the place of the section. */
  readonly byQuarter: readonly number[];
  /** Mentions in sections where nobody asked for them, to a demanded one: what a text that says everything everywhere has. */
  readonly stray: number;
}

/** @param sections that the text has to have. @throws MnemeError RANGE */
export function scorePlan(text: string, sections: number, demands: readonly PlanDemand[]): PlanScore {
  if (!(Number.isInteger(sections) && sections >= 1))
    throw new MnemeError("RANGE", `plan: sections is ${sections}; expected a whole number from 1`);
  const checks = demands
    .flatMap(({ kind, mention, sections: where }) => where.map((section) => ({ kind, mention, section })))
    .sort((a, b) => a.section - b.section);
  const outside = checks.find(({ section }) => !(section >= 1 && section <= sections));
  if (checks.length === 0 || outside)
    throw new MnemeError(
      "RANGE",
      `plan: ${outside ? `section ${outside.section} is demanded` : "nothing is demanded"}; expected mentions in sections 1 to ${sections}`,
    );
  const written = sectionsOf(text);
  const says = (section: number, mention: string): boolean =>
    (written.get(section) ?? "").toLowerCase().includes(mention.toLowerCase());
  const all = checks.map((check) => ({ ...check, kept: says(check.section, check.mention) }));
  const share = (some: readonly { readonly kept: boolean }[], empty: number): number =>
    some.length === 0 ? empty : some.filter(({ kept }) => kept).length / some.length;
  const numbers = Array.from({ length: sections }, (_, i) => i + 1);
  const there = numbers.filter((section) => (written.get(section) ?? "").trim() !== "");
  const stray = demands.flatMap(({ mention, sections: where }) =>
    there.filter((section) => !where.includes(section) && says(section, mention)),
  );
  const ofKind = (kind: DemandKind): number =>
    share(
      all.filter((check) => check.kind === kind),
      1,
    );
  return {
    completed: there.length / sections,
    once: ofKind("once"),
    range: ofKind("range"),
    periodic: ofKind("periodic"),
    accuracy: share(all, 0),
    accuracyOfCompleted: share(
      all.filter(({ section }) => there.includes(section)),
      0,
    ),
    byQuarter: byQuarter(all.map(({ kept }) => kept)),
    stray: stray.length / all.length,
  };
}

/** Tokens of one demand, about. */
const DEMAND_TOKENS = 24;

export interface WrittenPlanOptions {
  /** Demands at most, and as many sections; short contexts have fewer. */
  readonly demands?: number;
}

/** Demands strewn over the context; the scorer wants every mention in its section. */
export function writtenPlanTask(name: string, { demands: most = 60 }: WrittenPlanOptions = {}): LongTask {
  return longTask(name, "long answers", 10 * DEMAND_TOKENS, (random, { tokens, countTokens, filler }) => {
    const count = Math.min(most, Math.floor(tokens / (2 * DEMAND_TOKENS)));
    const { sections, demands, lines } = planOf(random, count);
    const intro = `Write a travel diary of ${sections} sections, numbered from 1, a few sentences each. What the sections have to mention stands in the notes below.\n`;
    const room = tokens - countTokens(intro);
    const notes = haystack(lines, { random, tokens: room, countTokens, kind: "sentences", filler });
    const question =
      'Write the whole diary, every section in order. Begin each on a new line with its header, such as "Section_5:".';
    return {
      context: intro + notes,
      turns: [
        {
          question,
          answers: demands.flatMap(({ mention, sections: where }) =>
            where.map((section) => `${section}: ${mention}`),
          ),
          reply: plainDiary(sections, demands),
        },
      ],
      scorer: "sections",
    };
  });
}

function plainDiary(sections: number, demands: readonly PlanDemand[]): string {
  const texts = Array.from({ length: sections }, (_, i) => {
    const own = demands.filter((demand) => demand.sections.includes(i + 1));
    return `Section_${i + 1}: ${own.map(({ mention }) => `We saw the ${mention}.`).join(" ") || "A calm day."}`;
  });
  return texts.join("\n");
}

export interface WrittenPlan {
  readonly sections: number;
  readonly demands: readonly PlanDemand[];
  /** The demands in words. */
  readonly lines: readonly string[];
}

/** So many demands, the kinds in turns, for as many sections. @throws MnemeError RANGE */
export function planOf(random: Random, count: number): WrittenPlan {
  if (!(Number.isInteger(count) && count >= 1))
    throw new MnemeError("RANGE", `plan: count of demands is ${count}; expected a whole number from 1`);
  const mentions = different(count, () => `${pairOf(random)}-${numberOf(random, 3)}`);
  const made = mentions.map((mention, i) => demandOf(random, DEMAND_KINDS[i % 3]!, mention, count));
  return { sections: count, demands: made.map(([demand]) => demand), lines: made.map(([, said]) => said) };
}

/** Sections that a range has at most, and from one periodic mention to the next. */
const LONGEST_RANGE = 5;
const LONGEST_PERIOD = 7;
/** Mentions of a periodic demand at most, so that the text does not outgrow the context. */
const MOST_TIMES = 6;

function demandOf(
  random: Random,
  kind: DemandKind,
  mention: string,
  sections: number,
): [PlanDemand, said: string] {
  const from = 1 + random.integer(sections);
  switch (kind) {
    case "once":
      return [{ kind, mention, sections: [from] }, `In section ${from} mention the ${mention}.`];
    case "range": {
      const to = Math.min(sections, from + 1 + random.integer(LONGEST_RANGE - 1));
      const where = Array.from({ length: to - from + 1 }, (_, i) => from + i);
      return [{ kind, mention, sections: where }, `In sections ${from} to ${to} mention the ${mention}.`];
    }
    case "periodic": {
      const step = 3 + random.integer(LONGEST_PERIOD - 2);
      const where: number[] = [];
      for (let section = from; section <= sections && where.length < MOST_TIMES; section += step)
        where.push(section);
      return [
        { kind, mention, sections: where },
        `Every ${step} sections, from section ${from} to ${where.at(-1)}, mention the ${mention}.`,
      ];
    }
    default:
      return kind satisfies never;
  }
}
