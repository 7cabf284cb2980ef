/**
 * Requests of the batch benchmarks, from seeds: prompts that share starts, in shuffled order, with answers of log-normal lengths; and the
 * card's larger sets, whose prompts are tokens alone.
 */
import { Random } from "../src/linalg/random.ts";

export interface BatchItem {
  readonly prompt: readonly number[];
  /** Tokens of the answer, no more and no less. */
  readonly answer: number;
}

export interface SharedPrompts {
  readonly requests: number;
  readonly starts: number;
  readonly startTokens: readonly [number, number];
  readonly restTokens: readonly [number, number];
  readonly answerTokens: readonly [number, number];
  readonly vocabulary: number;
  readonly seed: number;
}

const LAST_SPECIAL = 16;
/** Of the log-normal lengths of answers. */
const MEDIAN_ANSWER = 24;
const SPREAD = 0.7;

/** Each start is the start of as many requests, about. */
export function sharedPrompts(options: SharedPrompts): BatchItem[] {
  const { requests, starts, startTokens, restTokens, answerTokens, vocabulary, seed } = options;
  const random = new Random(seed);
  const between = ([least, most]: readonly [number, number]): number =>
    least + random.integer(most - least + 1);
  const some = (count: number): number[] =>
    Array.from({ length: count }, () => LAST_SPECIAL + random.integer(vocabulary - LAST_SPECIAL));
  const all = Array.from({ length: starts }, () => [0, ...some(between(startTokens) - 1)]);
  const items = Array.from({ length: requests }, (_, i) => {
    const drawn = Math.round(MEDIAN_ANSWER * Math.exp(SPREAD * random.gaussian()));
    return {
      prompt: [...all[i % starts]!, ...some(between(restTokens))],
      answer: Math.min(answerTokens[1], Math.max(answerTokens[0], drawn)),
    };
  });
  return random.shuffle(items);
}

/** Set A of Zheng et al.'s kind: questions about documents under a few system prompts. */
export function documentPrompts(documents: number, seed: number): number[][] {
  const random = new Random(seed);
  const some = (least: number, most: number): number[] =>
    Array.from({ length: least + random.integer(most - least + 1) }, () => random.integer(32_000));
  const systems = Array.from({ length: 5 }, () => some(100, 300));
  const prompts: number[][] = [];
  for (let i = 0; i < documents; i++) {
    const start = [...systems[random.integer(systems.length)]!, ...some(300, 1500)];
    const questions = 2 + random.integer(15);
    for (let q = 0; q < questions; q++) prompts.push([...start, ...some(20, 120)]);
  }
  return random.shuffle(prompts);
}

/** A set of prompts that share starts on up to `depth` levels; some end where others go on. */
export function randomTree(random: Random, depth: number): number[][] {
  const prompts: number[][] = [];
  const grow = (start: readonly number[], level: number, first: number): void => {
    const run = Array.from({ length: 1 + random.integer(12) }, (_, i) =>
      i === 0 ? first : random.integer(1000),
    );
    const own = [...start, ...run];
    const children = level < depth ? random.integer(5) : 0;
    if (children < 2 || random.integer(6) === 0) prompts.push(own);
    for (let i = 0; i < children; i++) grow(own, level + 1, i);
  };
  for (let i = 0; i < 2; i++) grow([], 1, i);
  return prompts;
}
