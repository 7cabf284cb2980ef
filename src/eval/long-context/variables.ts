/** Variable tracking: chains of assignments hidden in text; which variables have a value? (RULER, 2024; SCBench's multi-hop task) */
import type { Random } from "../../linalg/random.ts";
import { haystack } from "./haystack.ts";
import { type LongTask, type LongTurn, longTask, type Phrasing } from "./task.ts";
import { capitals, different, numberOf } from "./vocabulary.ts";

export interface VariableOptions {
  readonly chains?: number;
  /** Assignments of a chain beside its first. */
  readonly hops?: number;
  /** Questions about one context, no more than chains. */
  readonly turns?: number;
}

interface Chain {
  readonly value: string;
  readonly names: readonly string[];
}

export function variableTask(
  name: string,
  { chains = 1, hops = 4, turns = 1 }: VariableOptions = {},
): LongTask {
  return longTask(name, "string retrieval", 60 + 16 * chains * (hops + 1), (random, options) => {
    const { tokens, countTokens, filler, phrasing } = options;
    const names = different(chains * (hops + 1), () => capitals(random, 5));
    const made = different(chains, () => numberOf(random, 5)).map((value, c) => ({
      value,
      names: names.slice(c * (hops + 1), (c + 1) * (hops + 1)),
    }));
    const intro = "Memorize and track the chain(s) of variable assignment hidden in the following text.\n";
    const context = haystack(interleaved(random, made), {
      random,
      tokens: tokens - countTokens(intro),
      countTokens,
      kind: filler === undefined ? "noise" : "sentences",
      filler,
    });
    const asked = random.shuffle([...made]).slice(0, turns);
    return { context: intro + context, turns: asked.map((chain) => turnOf(chain, phrasing)), scorer: "all" };
  });
}

/** The assignments of all chains mixed, each chain's in order. */
function interleaved(random: Random, chains: readonly Chain[]): string[] {
  const left = chains.map(({ value, names }) =>
    names.map((name, i) => `VAR ${name} = ${i === 0 ? value : `VAR ${names[i - 1]}`}.`),
  );
  const order = random.shuffle(left.flatMap((lines, c) => lines.map(() => c)));
  return order.map((c) => left[c]!.shift()!);
}

function turnOf({ value, names }: Chain, phrasing: Phrasing): LongTurn {
  const question = `Find all variables that are assigned the value ${value} in the text above.`;
  if (phrasing === "mneme-lm")
    return {
      question,
      answers: names,
      reply: `The variables assigned the value ${value} are: ${names.join(" ")}`,
    };
  const lead = `According to the chain(s) of variable assignment in the text above, ${names.length} variables are assigned the value ${value}, they are:`;
  return { question, answers: names, reply: `${lead} ${names.join(" ")}`, lead };
}
