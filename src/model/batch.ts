/**
 * Many requests that are known beforehand: grouped by what they begin with, groups that answer long first, the start of a group read once
 * and dropped with its last member (Zheng et al., BatchLLM, 2024).
 */
import { prefixGroups } from "../cache/prefix-tree.ts";
import { isMnemeError, MnemeError } from "../errors.ts";
import type { Engine } from "./engine.ts";
import { type GenerateOptions, generateDefaults, type Piece } from "./generate.ts";

export interface BatchRequest {
  readonly prompt: readonly number[];
  readonly options?: GenerateOptions;
}

export interface BatchOutcome {
  /** Number of the request. */
  readonly request: number;
  readonly text: string;
  /** Absent where the request failed. */
  readonly done?: Extract<Piece, { type: "done" }>;
  readonly error?: MnemeError;
}

/** A start that is shorter is not worth an entry of its own. */
const LEAST_START = 16;

/** Outcomes as they come. A request that cannot be answered has an error; the others go on. */
export async function* runBatch(
  engine: Engine,
  requests: readonly BatchRequest[],
): AsyncGenerator<BatchOutcome> {
  const finished: BatchOutcome[] = [];
  let wake = (): void => {};
  const stops = requests.map(() => new AbortController());
  const tell = (outcome: BatchOutcome): void => {
    finished.push(outcome);
    wake();
  };
  for (const { start, members } of ordered(requests)) {
    let left = members.length;
    members.forEach(async (request) => {
      // the first one reads the start for all; whichever ends leaves it to those that wait
      const keep = start >= LEAST_START ? start : 0;
      tell(await outcomeOf(engine, requests[request]!, request, keep, stops[request]!.signal));
      if (--left === 0 && start >= LEAST_START)
        engine.prefixes.forget(requests[request]!.prompt.slice(0, start));
    });
  }
  try {
    for (let told = 0; told < requests.length; told++) {
      while (finished.length === 0)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      yield finished.shift()!;
    }
  } finally {
    for (const stop of stops) stop.abort();
  }
}

async function outcomeOf(
  engine: Engine,
  { prompt, options = {} }: BatchRequest,
  request: number,
  keep: number,
  stop: AbortSignal,
): Promise<BatchOutcome> {
  const signal = options.signal ? AbortSignal.any([options.signal, stop]) : stop;
  let text = "";
  try {
    for await (const piece of engine.generate(prompt, { ...options, keep, signal })) {
      if (piece.type === "done") return { request, text, done: piece };
      text += piece.text;
    }
    throw new MnemeError("INTERNAL", "batch: a request ended without an end");
  } catch (error) {
    if (isMnemeError(error)) return { request, text, error };
    return { request, text, error: new MnemeError("INTERNAL", `batch: ${String(error)}`, { cause: error }) };
  }
}

/** Groups whose members answer most for what must be read first: their tokens fill the steps in which others are read. */
function ordered(
  requests: readonly BatchRequest[],
): { readonly start: number; readonly members: readonly number[] }[] {
  const groups = prefixGroups(requests.map(({ prompt }) => prompt));
  const ratioOf = ({ start, members }: { start: number; members: readonly number[] }): number => {
    const answers = members.reduce(
      (sum, one) => sum + (requests[one]!.options?.maxTokens ?? generateDefaults.maxTokens),
      0,
    );
    return answers / members.reduce((sum, one) => sum + requests[one]!.prompt.length - start, start + 1);
  };
  return [...groups].sort((a, b) => ratioOf(b) - ratioOf(a));
}
