/** A language model as an Embedder: its pooled states are the vectors of a library. */
import type { Embedder } from "../embed/embedder.ts";
import { type EmbeddingModel, embedTextDefaults, type TextPooling } from "./embed-texts.ts";

export interface ModelEmbedderOptions {
  /** What the space calls the model; default "language-model". */
  readonly name?: string;
  readonly pooling?: TextPooling;
  /** Put before a query or a passage, as models trained for search want: "query: ". */
  readonly prompts?: { readonly query?: string; readonly passage?: string };
}

/**
 * Vectors of unit length. The space is named by a fingerprint of the weights as they are kept: the same model at another precision is
 * another space. The model is borrowed: whoever loaded it closes it, after the library.
 */
export async function modelEmbedder(
  model: EmbeddingModel,
  options: ModelEmbedderOptions = {},
): Promise<Embedder> {
  const { name = "language-model", pooling = embedTextDefaults.pooling, prompts } = options;
  const revision = await model.fingerprint();
  const dim = model.config.width;
  return {
    space: { model: name, revision, pooling, dim, normalized: true },
    get bytes() {
      return model.bytes.weights;
    },
    embed(texts, { role = "passage", signal } = {}) {
      const before = prompts?.[role] ?? "";
      const given = before === "" ? texts : texts.map((text) => before + text);
      return model.embed(given, { pooling, ...(signal ? { signal } : {}) });
    },
    [Symbol.asyncDispose]: async () => {},
  };
}
