/** Two tasks about one context, their questions in turns (SCBench's multi-tasking): facts or numbers of one, strings of the other. */
import { MnemeError } from "../../errors.ts";
import type { Random } from "../../linalg/random.ts";
import { type LongTask, type LongTurn, longTask, type MakeOptions } from "./task.ts";

/** Each task gets half of the context; which one comes first is drawn. */
export function mixedTask(name: string, first: LongTask, second: LongTask): LongTask {
  return longTask(name, "multi-task", 1, (random: Random, options: MakeOptions) => {
    const half = { ...options, tokens: Math.floor(options.tokens / 2) - 2, count: 1 };
    const made = random.shuffle([first, second]).map((task) => {
      const [example] = task.make({ ...half, seed: random.u32() });
      if (!example) throw new MnemeError("INTERNAL", `${name}: ${task.name} made no example`);
      return example;
    });
    const [a, b] = made.map(({ turns, scorer }) => turns.map((turn): LongTurn => ({ scorer, ...turn })));
    return {
      context: made.map(({ context }) => context).join("\n\n"),
      turns: a!.flatMap((turn, i) => (b![i] ? [turn, b![i]] : [turn])).concat(b!.slice(a!.length)),
      scorer: made[0]!.scorer,
    };
  });
}
