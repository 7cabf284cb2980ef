/** load: a checkpoint becomes a model that generates. */
import { fileURLToPath } from "node:url";
import { packageRoot } from "../built-file.ts";
import type { CachePolicy } from "../cache/policy.ts";
import { policyOf } from "../cache/policy-of.ts";
import { MnemeError } from "../errors.ts";
import { kernels, LazyPool } from "../kernels/index.ts";
import { PRECISIONS, type Precision } from "../weights/linear-weights.ts";
import { openCheckpoint } from "./checkpoint.ts";
import { Decoder } from "./decoder.ts";
import type { EngineOptions } from "./engine.ts";
import { checkPolicy } from "./governor.ts";
import { fetchModel, type HubOptions, isHubName } from "./hub.ts";
import { loadWeights, type WeightCacheOptions } from "./load-weights.ts";
import { Model } from "./model.ts";
import { checkFits } from "./sizes.ts";

export interface LoadOptions extends WeightCacheOptions, HubOptions, EngineOptions {
  /** How weights are kept; default int8. */
  readonly precision?: Precision;
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
  const precision = options.precision ?? loadDefaults.precision;
  if (!PRECISIONS.includes(precision))
    throw new MnemeError(
      "RANGE",
      `load: precision must be one of ${PRECISIONS.join(", ")}, got ${precision}`,
    );
  const { cache } = options;
  const policy = typeof cache === "string" ? policyOf(cache) : cache;
  const path = isHubName(model) ? await fetchModel(model, options) : model;
  using checkpoint = await openCheckpoint(path);
  const { config } = checkpoint;
  checkFits(config, precision, path);
  if (policy) checkPolicy(config, policy);
  const tokenizer = await checkpoint.tokenizer();
  const template = await checkpoint.template();
  const face = kernels();
  const weights = loadWeights(face.arena, checkpoint, precision, options);
  const pool = new LazyPool(face, options.workers);
  const decoder = new Decoder(face, config, weights, () => pool.pool);
  return new Model(decoder, tokenizer, precision, template, pool, options);
}
