/** plan: what a model would need at a context length, out of its configuration and headers alone, and the best of precision and cache codec that fits a budget. */
import { totalmem } from "node:os";
import { PAGE_CODECS, type PageCodec } from "../cache/page-codec.ts";
import { MnemeError } from "../errors.ts";
import { PRECISIONS, type Precision } from "../weights/linear-weights.ts";
import { openCheckpoint } from "./checkpoint.ts";
import type { ModelConfig } from "./config.ts";
import { type HubOptions, isHubName } from "./hub.ts";
import { hubConfig } from "./hub-config.ts";
import { cacheBytes, MEMORY_BYTES, scratchBytes, weightBytes } from "./sizes.ts";

export interface PlanOptions extends Pick<HubOptions, "hub" | "signal"> {
  /** Bytes that all of it may take; default: the memory of this machine. Of it one WebAssembly memory, 2^32, may be cache and scratch. */
  readonly budgetBytes?: number;
  /** Only this precision. */
  readonly precision?: Precision;
  /** Only this codec. */
  readonly cacheCodec?: PageCodec;
}

export interface PlanChoice {
  readonly precision: Precision;
  readonly cacheCodec: PageCodec;
  /** Weights, scratch and cache. */
  readonly bytes: number;
  readonly fits: boolean;
}

export interface Plan {
  readonly architecture: string;
  readonly contextTokens: number;
  /** Of the context that the model was trained for. */
  readonly mostTokens: number;
  /** Bytes by precision. */
  readonly weights: Readonly<Record<Precision, number>>;
  /** Bytes of a full context by codec. */
  readonly cache: Readonly<Record<PageCodec, number>>;
  readonly scratch: number;
  readonly budgetBytes: number;
  /** The best first. */
  readonly choices: readonly PlanChoice[];
  /** The first that fits. */
  readonly proposal: PlanChoice | undefined;
  /** By how much the smallest choice exceeds the budget; 0 when one fits. */
  readonly missingBytes: number;
}

/**
 * By how much the perplexity of mneme-lm grows, about: what costs less stands before what costs more. Codecs by `mneme bench cache --only perplexity`,
 * 4-bit weights on held-out texts; int8 weights differ from bf16 by less than texts do, so their figure only puts them behind.
 */
const LOSS_OF_PRECISION: Readonly<Record<Precision, number>> = { bf16: 0, int8: 0.001, int4: 0.094 };
const LOSS_OF_CODEC: Readonly<Record<PageCodec, number>> = {
  f32: 0,
  f16: 0.0001,
  int8: 0.0002,
  lloyd4: 0.0008,
  affine4: 0.006,
  lloyd2: 0.055,
  affine2: 0.25,
};

/**
 * @param path a folder or GGUF file, or "hf:owner/name...", as `load` takes it; of a model of the hub no weights come. @param contextTokens of prompt and answer together
 * @throws MnemeError RANGE for a context that the model was not trained for; of files what `load` throws
 */
export async function plan(path: string, contextTokens: number, options: PlanOptions = {}): Promise<Plan> {
  if (isHubName(path)) return planOf(await hubConfig(path, options), contextTokens, options);
  using checkpoint = await openCheckpoint(path);
  return planOf(checkpoint.config, contextTokens, options);
}

/** The same of a configuration. @throws MnemeError RANGE */
export function planOf(config: ModelConfig, contextTokens: number, options: PlanOptions = {}): Plan {
  const { budgetBytes = totalmem(), precision, cacheCodec } = options;
  if (!(Number.isSafeInteger(contextTokens) && contextTokens > 0 && contextTokens <= config.context))
    throw new MnemeError(
      "RANGE",
      `plan: a context of ${contextTokens} tokens; expected a whole number from 1 to the model's ${config.context}`,
    );
  if (!(budgetBytes > 0))
    throw new MnemeError("RANGE", `plan: a budget of ${budgetBytes} bytes; expected more than 0`);
  const weights = byName(PRECISIONS, (one) => weightBytes(config, one));
  const cache = byName(PAGE_CODECS, (one) => cacheBytes(config, one, contextTokens));
  const scratch = scratchBytes(config);
  const lossOf = (one: PlanChoice): number =>
    LOSS_OF_PRECISION[one.precision] + LOSS_OF_CODEC[one.cacheCodec];
  const unordered = PRECISIONS.filter((one) => precision === undefined || one === precision).flatMap((p) =>
    PAGE_CODECS.filter((one) => cacheCodec === undefined || one === cacheCodec).map((c) => {
      const bytes = weights[p] + cache[c] + scratch;
      return {
        precision: p,
        cacheCodec: c,
        bytes,
        fits: bytes <= budgetBytes && cache[c] + scratch <= MEMORY_BYTES,
      };
    }),
  );
  const choices = unordered.sort((a, b) => lossOf(a) - lossOf(b));
  const least = choices.reduce((smallest, { bytes }) => Math.min(smallest, bytes), Number.POSITIVE_INFINITY);
  return {
    architecture: config.architecture,
    contextTokens,
    mostTokens: config.context,
    weights,
    cache,
    scratch,
    budgetBytes,
    choices,
    proposal: choices.find(({ fits }) => fits),
    missingBytes: Math.max(0, least - budgetBytes),
  };
}

function byName<T extends string>(
  names: readonly T[],
  bytesOf: (name: T) => number,
): Readonly<Record<T, number>> {
  return Object.fromEntries(names.map((name) => [name, bytesOf(name)])) as Record<T, number>;
}
