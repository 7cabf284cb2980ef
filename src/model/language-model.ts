/** LanguageModel: the face of a model wherever it runs: on this thread (load.ts) or on one of its own (thread.ts). */
import type { ChatMessage } from "./chat-template.ts";
import type { ModelConfig } from "./config.ts";
import type { GenerateOptions, Piece } from "./generate.ts";
import type { ChatContext } from "./model.ts";
import type { ChatOptions, ChatPiece } from "./tools.ts";

/** A value, at once or later: whether one has to wait is up to where the model runs. */
export type Soon<T> = T | Promise<T>;

/** Bytes of kernel memory that a model holds. */
export interface ModelBytes {
  readonly weights: number;
  /** Of requests under way and of texts read before, shared pages counted once. */
  readonly cache: number;
  /** Work space of a step. */
  readonly scratch: number;
}

export interface LanguageModel extends AsyncDisposable {
  /** As they are now; of a model on a thread of its own as they were at the end of the last call. Absent where it holds none here. */
  readonly bytes?: ModelBytes;
  readonly config: Pick<ModelConfig, "context" | "vocabulary" | "bos" | "eos">;
  /** @param prompt text, or tokens. A consumer that stops early ends the work. @throws MnemeError ARGUMENT (empty), RANGE (longer than the context), CANCELLED */
  generate(prompt: string | readonly number[], options?: GenerateOptions): AsyncIterable<Piece>;
  chat(messages: readonly ChatMessage[], options?: ChatOptions): AsyncIterable<ChatPiece>;
  /** The prompt that the model's template makes of a conversation. @throws MnemeError UNSUPPORTED where it came with none, ARGUMENT for messages that it refuses */
  chatPrompt(messages: readonly ChatMessage[], context?: ChatContext): Soon<string>;
  /** Tokens of a text; special ones that it spells out are taken for such. @param whole with those that stand around a text of its own, as in `generate` */
  encode(text: string, whole?: boolean): Soon<readonly number[]>;
  /** Special tokens are left out. */
  decode(tokens: readonly number[]): Soon<string>;
  /** Natural logarithms of the probabilities of a text's tokens, each given those before it; of the first there is none. */
  score(text: string | readonly number[]): Promise<Float64Array>;
}
