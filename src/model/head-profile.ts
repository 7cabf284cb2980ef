/**
 * Which heads retrieve: those without whose far slots the answers to prompts that need something far away become unlikely. Heads are let go one
 * after the other, always the one that the answers miss least. Without training; the paper trains gates by what the last hidden states of answers
 * miss (Xiao et al., DuoAttention, 2024). How much a head looks far back does not tell: on mneme-lm those that look most are not those that are needed.
 */

import { duo, duoDefaults } from "../cache/index.ts";
import { MnemeError, throwIfAborted } from "../errors.ts";
import { PAGE_SLOTS, type Pool, type WasmFace } from "../kernels/index.ts";
import { Pacer } from "../pacer.ts";
import type { Decoder } from "./decoder.ts";
import { Governor } from "./governor.ts";
import { logProbability } from "./sample.ts";

export interface HeadProfileOptions {
  /** Slots at the start that every head keeps; default 64. */
  readonly sinks?: number;
  /** The last slots that it keeps, and up to 63 more; default 256. */
  readonly recent?: number;
  /** In so many rounds all heads are let go, several in a round where there are more; default 24. */
  readonly rounds?: number;
  readonly signal?: AbortSignal;
  /** Told the share of the work that is done. */
  readonly onProgress?: (done: number) => void;
}

export const headProfileDefaults = { ...duoDefaults, rounds: 24 } as const;

/** Tokens of a prompt that needs something far away, and of its answer. */
export interface Answered {
  readonly prompt: readonly number[];
  readonly answer: readonly number[];
}

/** A prompt that was read but for its last token. */
interface Read extends Answered {
  readonly governor: Governor;
}

/**
 * @param prompts each longer than sinks, window and a page together: of shorter ones no head lets go of anything; they are read once
 * @returns of each head, layer by layer, 0 to below 1: the share of the others that are needed less, for `maskOfGates`
 * @throws MnemeError INSUFFICIENT_DATA, RANGE, CANCELLED
 */
export async function headProfile(
  face: WasmFace,
  decoder: Decoder,
  pool: () => Pool | undefined,
  prompts: readonly Answered[],
  options: HeadProfileOptions = {},
): Promise<Float32Array> {
  const { sinks, recent, rounds } = { ...headProfileDefaults, ...options };
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new MnemeError("RANGE", `head profile: rounds must be a whole number from 1, got ${rounds}`);
  const long = prompts.filter(
    ({ prompt, answer }) => prompt.length > sinks + recent + PAGE_SLOTS && answer.length > 0,
  );
  if (long.length === 0)
    throw new MnemeError(
      "INSUFFICIENT_DATA",
      `head profile: no prompt with an answer is longer than ${sinks} + ${recent} + ${PAGE_SLOTS} tokens`,
    );
  const pacer = new Pacer();
  const rest = async (): Promise<void> => {
    throwIfAborted(options.signal, "head profile");
    if (pacer.isDue) await pacer.pause();
  };
  const read: Read[] = [];
  try {
    for (const one of long) {
      await rest();
      read.push(readPrompt(face, decoder, pool, one));
    }
    const { layers, kvHeads } = decoder.shape;
    return await letGo(layers * kvHeads, rounds, options.onProgress, async (mask) => {
      await rest();
      const policy = duo(mask, { sinks, recent });
      return read.reduce((sum, one) => sum + costOf(face, decoder, pool, one, policy), 0);
    });
  } finally {
    for (const { governor } of read) governor[Symbol.dispose]();
  }
}

/** Lets heads go, those first without which the cost is least. @returns of each the share of all that went before it */
async function letGo(
  heads: number,
  rounds: number,
  onProgress: HeadProfileOptions["onProgress"],
  costWith: (mask: Uint8Array) => Promise<number>,
): Promise<Float32Array> {
  const profile = new Float32Array(heads);
  const mask = new Uint8Array(heads).fill(1);
  const together = Math.ceil(heads / rounds);
  for (let gone = 0; gone < heads; ) {
    const costs: { head: number; cost: number }[] = [];
    for (let head = 0; head < heads; head++) {
      if (mask[head] === 0) continue;
      mask[head] = 0;
      costs.push({ head, cost: await costWith(mask) });
      mask[head] = 1;
    }
    costs.sort((a, b) => a.cost - b.cost || a.head - b.head);
    for (const { head } of costs.slice(0, together)) {
      mask[head] = 0;
      profile[head] = gone++ / heads;
    }
    onProgress?.(1 - ((heads - gone) / heads) ** 2);
  }
  return profile;
}

function readPrompt(
  face: WasmFace,
  decoder: Decoder,
  pool: () => Pool | undefined,
  { prompt, answer }: Answered,
): Read {
  const policy = { name: "profile", needs: {}, evicts: false };
  const governor = new Governor(face, decoder.config, policy, pool);
  decoder.forward(prompt.slice(0, -1), governor.cache, governor.watch);
  return { prompt, answer, governor };
}

/** What the answer costs under a policy: nats, mean of its tokens. */
function costOf(
  face: WasmFace,
  decoder: Decoder,
  pool: () => Pool | undefined,
  { prompt, answer, governor }: Read,
  policy: ReturnType<typeof duo>,
): number {
  using own = new Governor(face, decoder.config, policy, pool, governor);
  own.afterPrompt();
  const tokens = [prompt.at(-1)!, ...answer.slice(0, -1)];
  const rows = decoder.step([{ tokens, cache: own.cache, logits: "all" }]);
  return answer.reduce((sum, token, i) => {
    const at = i * decoder.logitsStride;
    const row = rows.subarray(at, at + decoder.config.vocabulary);
    return sum - logProbability(row, token) / answer.length;
  }, 0);
}
