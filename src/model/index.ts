/** The model room: language models of the Llama family on this machine's processor. */
export type { KeptFile } from "../storage/region-folder.ts";
export {
  defaultWeightCache,
  WeightCache,
  weightCacheDefaults,
} from "../weights/weight-cache.ts";
export type { BatchOutcome } from "./batch.ts";
export type { ChatMessage, ChatToolCall } from "./chat-template.ts";
export { configOf, type ModelConfig, type Rope, type RopeScaling } from "./config.ts";
export {
  type EmbeddingModel,
  type EmbedTextOptions,
  embedTextDefaults,
  TEXT_POOLINGS,
  type TextPooling,
} from "./embed-texts.ts";
export { type ModelEmbedderOptions, modelEmbedder } from "./embedder.ts";
export { type EngineOptions, engineDefaults } from "./engine.ts";
export type { Finish, GenerateOptions, Piece, TokenLogprob } from "./generate.ts";
export { generateDefaults } from "./generate.ts";
export { type HeadProfileOptions, headProfileDefaults } from "./head-profile.ts";
export type { HubOptions } from "./hub.ts";
export type { DownloadProgress } from "./hub-download.ts";
export type { LanguageModel, ModelBytes, Soon } from "./language-model.ts";
export { bundledModel, type LoadOptions, load, loadDefaults } from "./load.ts";
export type { WeightCacheOptions } from "./load-weights.ts";
export type { ChatContext, Model } from "./model.ts";
export { type Plan, type PlanChoice, type PlanOptions, plan } from "./plan.ts";
export type { Activations } from "./products.ts";
export type { SampleOptions } from "./sample.ts";
export type { TitledText } from "./substrings/index-texts.ts";
export type { SubstringModel } from "./substrings/substring-model.ts";
export { type NGramOptions, nGramDefaults, type WrittenNGrams } from "./substrings/write-n-grams.ts";
export { loadOnThread, type ModelThread, type ThreadOptions } from "./thread.ts";
export type { Tokenizer } from "./tokenizer.ts";
export type { ChatOptions, ChatPiece, Tool, ToolCall, ToolChoice } from "./tools.ts";
