/** Models of `@huggingface/transformers`, an optional peer: installed by who wants it. */
import { MnemeError, throwIfAborted } from "../errors.ts";
import { matrix } from "../linalg/matrix.ts";
import type { Embedder } from "./embedder.ts";

/** What is used of the package. */
export interface TransformersModule {
  pipeline(
    task: "feature-extraction",
    model: string,
    options?: Readonly<Record<string, unknown>>,
  ): Promise<FeatureExtractor>;
}

interface FeatureExtractor {
  (
    texts: string[],
    options: { pooling: "mean" | "cls" | "none"; normalize: boolean },
  ): Promise<{ readonly data: ArrayLike<number>; readonly dims: readonly number[] }>;
  dispose?(): Promise<unknown>;
}

export interface TransformersOptions {
  /** e.g. "Xenova/all-MiniLM-L6-v2" */
  readonly model: string;
  readonly revision?: string;
  readonly pooling?: "mean" | "cls";
  /** e.g. "q8" */
  readonly dtype?: string;
  /** Put before a query or a passage, as some models want. */
  readonly prompts?: { readonly query?: string; readonly passage?: string };
  readonly batch?: number;
  /** The package itself, when it cannot be imported by name. */
  readonly module?: TransformersModule;
}

export const transformersDefaults = { pooling: "mean", batch: 32, revision: "main" } as const;

/** @throws MnemeError DEPENDENCY when the package is missing. */
export async function transformersEmbedder(options: TransformersOptions): Promise<Embedder> {
  const {
    pooling = transformersDefaults.pooling,
    batch = transformersDefaults.batch,
    revision = transformersDefaults.revision,
    prompts,
  } = options;
  const { pipeline } = options.module ?? (await loadTransformers());
  const extract = await pipeline("feature-extraction", options.model, {
    revision,
    ...(options.dtype ? { dtype: options.dtype } : {}),
  });
  const dim = (await extract(["dimension"], { pooling, normalize: true })).dims.at(-1)!;
  const model = options.dtype ? `${options.model}:${options.dtype}` : options.model;
  return {
    space: { model, revision, pooling, dim, normalized: true },
    bytes: 0,
    origin: {
      kind: "transformers",
      model: options.model,
      ...(options.dtype ? { dtype: options.dtype } : {}),
      ...(prompts ? { prompts } : {}),
    },
    async embed(texts, { role = "passage", signal } = {}) {
      const out = matrix(texts.length, dim);
      for (let at = 0; at < texts.length; at += batch) {
        throwIfAborted(signal, "embed");
        const some = texts.slice(at, at + batch).map((text) => (prompts?.[role] ?? "") + text);
        out.data.set((await extract(some, { pooling, normalize: true })).data, at * dim);
      }
      return out;
    },
    [Symbol.asyncDispose]: async () => {
      await extract.dispose?.();
    },
  };
}

/** The package. @throws MnemeError DEPENDENCY */
export async function loadTransformers(): Promise<TransformersModule> {
  const name = "@huggingface/transformers";
  try {
    return (await import(/* @vite-ignore */ name)) as TransformersModule;
  } catch (cause) {
    throw new MnemeError("DEPENDENCY", `embed: the package ${name} is not installed; run \`npm i ${name}\``, {
      cause,
    });
  }
}
