/** The model room: language models of the Llama family on this machine's processor. */
export type { ChatMessage } from "./chat-template.ts";
export { configOf, type ModelConfig, type Rope, type RopeScaling } from "./config.ts";
export type { Finish, GenerateOptions, Piece, TokenLogprob } from "./generate.ts";
export { generateDefaults } from "./generate.ts";
export type { LanguageModel, ModelChatOptions, ModelChatPiece, Soon } from "./language-model.ts";
export { bundledModel, type LoadOptions, load, loadDefaults, type Model } from "./load.ts";
export type { SampleOptions } from "./sample.ts";
export { loadOnThread, type ModelThread, type ThreadOptions } from "./thread.ts";
export type { Tokenizer } from "./tokenizer.ts";
