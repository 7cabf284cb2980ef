/** load: a checkpoint becomes a model that generates. */
import { totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { packageRoot } from "../built-file.ts";
import type { CachePolicy } from "../cache/policy.ts";
import { policyOf } from "../cache/policy-of.ts";
import { MnemeError } from "../errors.ts";
import { kernels } from "../kernels/index.ts";
import { PRECISIONS, type Precision } from "../weights/linear-weights.ts";
import { openCheckpoint } from "./checkpoint.ts";
import { Decoder, type Threads } from "./decoder.ts";
import type { EngineOptions } from "./engine.ts";
import { checkPolicy } from "./governor.ts";
import { fetchModel, type HubOptions, isHubName } from "./hub.ts";
import { loadWeights, type WeightCacheOptions } from "./load-weights.ts";
import { Memories } from "./memories.ts";
import { Model } from "./model.ts";
import { ACTIVATIONS, type Activations, activationsFor } from "./products.ts";
import { checkFits } from "./sizes.ts";

export interface LoadOptions extends WeightCacheOptions, HubOptions, EngineOptions {
  /** How weights are kept; default int8. */
  readonly precision?: Precision;
  /**
   * How inputs of products with int8 and int4 weights are rounded; default int16, hardly at all, for int8 weights, and int8 for int4 weights,
   * whose own error is larger. int8 is llama.cpp's way (ggml's Q8_0): for comparisons with it, together with a cache of f16.
   */
  readonly activations?: Activations;
  /** What governs the caches of requests that name nothing else, a policy or its name; default: every token stays, a byte a value. */
  readonly cache?: CachePolicy | string;
  /** Threads beside this one; default: one for each further core, 3 at most. */
  readonly workers?: number;
}

export const loadDefaults = { precision: "int8" } as const;

/** The bundled model's folder. */
export function bundledModel(): string {
  return fileURLToPath(new URL("models/mneme-lm", packageRoot(import.meta.url)));
}

/**
 * @param model a folder with config.json, tokenizer.json and *.safetensors; a GGUF file, a shard of one, or a folder with one; or
 * "hf:owner/name[/file.gguf][@revision]", which is downloaded once. Default: the bundled mneme-lm
 * @throws MnemeError NOT_FOUND, FORMAT, UNSUPPORTED, DEPENDENCY naming the file; ARGUMENT, UNSUPPORTED for a policy that is none or not
 * for this model; BUDGET with the bytes that it needs; of downloads also NETWORK, FORBIDDEN, DISK_FULL, CANCELLED
 */
export async function load(model: string = bundledModel(), options: LoadOptions = {}): Promise<Model> {
  const { precision, activations } = checked(options);
  const { cache } = options;
  const policy = typeof cache === "string" ? policyOf(cache) : cache;
  const path = isHubName(model) ? await fetchModel(model, options) : model;
  const checkpoint = await openCheckpoint(path);
  const { config } = checkpoint;
  const memories = new Memories(kernels(), { workers: options.workers });
  const threads: Threads = (face) => memories.threads(face);
  try {
    checkFits(config, precision, path, totalmem());
    if (policy) checkPolicy(config, policy);
    // they start while the tokenizer is read, and help to place the weights
    threads(memories.face);
    const tokenizer = await checkpoint.tokenizer();
    const template = await checkpoint.template();
    const weights = loadWeights(memories, checkpoint, precision, options);
    const decoder = new Decoder(memories.face, config, weights, threads, { activations });
    return new Model(decoder, tokenizer, precision, template, memories, options);
  } catch (error) {
    checkpoint[Symbol.dispose]();
    await memories[Symbol.asyncDispose]();
    throw error;
  }
}

/** @throws MnemeError RANGE, UNSUPPORTED */
function checked({
  precision = loadDefaults.precision,
  activations = activationsFor(precision),
}: LoadOptions): { readonly precision: Precision; readonly activations: Activations } {
  if (!PRECISIONS.includes(precision))
    throw new MnemeError(
      "RANGE",
      `load: precision must be one of ${PRECISIONS.join(", ")}, got ${precision}`,
    );
  if (!ACTIVATIONS.includes(activations))
    throw new MnemeError(
      "RANGE",
      `load: activations must be one of ${ACTIVATIONS.join(", ")}, got ${activations}`,
    );
  if (activations === "int8" && precision === "bf16")
    throw new MnemeError(
      "UNSUPPORTED",
      "load: bf16 weights are multiplied with f32 activations; take precision int8 or int4, or leave activations out",
    );
  return { precision, activations };
}
