/** Token vectors of models of `@huggingface/transformers`: their last hidden states, one vector a token. */
import { throwIfAborted } from "../errors.ts";
import { kernels } from "../kernels/index.ts";
import { matrix } from "../linalg/matrix.ts";
import { ragged } from "../linalg/ragged.ts";
import { refuseEmpty, type TokenEncoder } from "./token-encoder.ts";
import { loadTransformers, type TransformersModule } from "./transformers.ts";

export interface TransformersTokensOptions {
  /** Such as "Xenova/all-MiniLM-L6-v2", or a ColBERT model in ONNX. */
  readonly model: string;
  readonly revision?: string;
  /** Such as "q8". */
  readonly dtype?: string;
  /** Put before a query or a document, as some models want. */
  readonly prompts?: { readonly query?: string; readonly document?: string };
  /** Whether vectors are brought to unit length; default true. */
  readonly normalize?: boolean;
  /** The package itself, when it cannot be imported by name. */
  readonly module?: TransformersModule;
}

/** Texts go one at a time: no padding has to be told from tokens. @throws MnemeError DEPENDENCY when the package is missing */
export async function transformersTokens(
  options: TransformersTokensOptions,
): Promise<TokenEncoder & AsyncDisposable> {
  const { model, revision = "main", prompts, normalize = true } = options;
  const { pipeline } = options.module ?? (await loadTransformers());
  const extract = await pipeline("feature-extraction", model, {
    revision,
    ...(options.dtype ? { dtype: options.dtype } : {}),
  });
  const hidden = (text: string): ReturnType<typeof extract> =>
    extract([text], { pooling: "none", normalize: false });
  const dim = (await hidden("dimension")).dims.at(-1)!;
  const name = options.dtype ? `${model}:${options.dtype}` : model;
  return {
    space: { model: name, revision, dim, normalized: normalize, pruning: "all" },
    async encode(texts, { role = "document", signal } = {}) {
      const sets = [];
      for (const [i, text] of texts.entries()) {
        throwIfAborted(signal, "encode");
        const values = Float32Array.from((await hidden((prompts?.[role] ?? "") + text)).data);
        refuseEmpty(texts, i, values.length);
        if (normalize) kernels().normalizeF32(values, dim);
        sets.push(matrix(values.length / dim, dim, values));
      }
      return ragged(sets, dim);
    },
    [Symbol.asyncDispose]: async () => {
      await extract.dispose?.();
    },
  };
}
