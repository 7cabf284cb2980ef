/** Embedders: texts to vectors, and the spaces that they live in. */

export {
  BUNDLED_DIMS,
  type BundledDim,
  type BundledOptions,
  bundledDefaults,
  bundledEmbedder,
} from "./bundled.ts";
export type { Embedder, EmbedderOrigin, EmbedOptions, Space } from "./embedder.ts";
export { laterEmbedder } from "./later.ts";
export { type MixingEncoderOptions, mixingEncoder } from "./mixing-encoder.ts";
export { type OpenAiOptions, openaiEmbedder } from "./openai.ts";
export { assertSameSpace, sameSpace, spaceName } from "./space.ts";
export { StaticTokens, type StaticTokensOptions } from "./static-tokens.ts";
export {
  type TokenEncodeOptions,
  type TokenEncoder,
  type TokenSpace,
  tokenSpaceName,
} from "./token-encoder.ts";
export { firstWeights, type MixerShape, type MixerWeights, mixerDefaults, mixTokens } from "./token-mixer.ts";
export { type TransformersModule, type TransformersOptions, transformersEmbedder } from "./transformers.ts";
export { type TransformersTokensOptions, transformersTokens } from "./transformers-tokens.ts";
