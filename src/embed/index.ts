/** Embedders: texts to vectors, and the spaces that they live in. */

export {
  BUNDLED_DIMS,
  type BundledDim,
  type BundledOptions,
  bundledDefaults,
  bundledEmbedder,
} from "./bundled.ts";
export type { Embedder, EmbedOptions, Space } from "./embedder.ts";
export { type OpenAiOptions, openaiEmbedder } from "./openai.ts";
export { assertSameSpace, sameSpace, spaceName } from "./space.ts";
export { type TransformersModule, type TransformersOptions, transformersEmbedder } from "./transformers.ts";
