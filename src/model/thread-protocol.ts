/** What the two ends of a model's thread tell each other. */

import type { CarriedError } from "../carried-error.ts";
import type { ChatMessage } from "./chat-template.ts";
import type { ModelConfig } from "./config.ts";
import type { EmbedTextOptions } from "./embed-texts.ts";
import type { GenerateOptions } from "./generate.ts";
import type { ModelBytes } from "./language-model.ts";
import type { LoadOptions } from "./load.ts";
import type { TitledText } from "./substrings/index-texts.ts";
import type { NGramOptions } from "./substrings/write-n-grams.ts";
import type { ChatOptions, ChatPiece } from "./tools.ts";

/** What the thread is started with. */
export interface ThreadStart {
  readonly folder: string;
  readonly options: LoadOptions;
}

/** A call, as the face has it; signals stay behind and become `stop`. */
export type Request =
  | {
      readonly verb: "generate";
      readonly prompt: string | readonly number[];
      readonly options: Omit<GenerateOptions, "signal">;
    }
  | {
      readonly verb: "chat";
      readonly messages: readonly ChatMessage[];
      readonly options: Omit<ChatOptions, "signal">;
    }
  | {
      readonly verb: "chatPrompt";
      readonly messages: readonly ChatMessage[];
      readonly context?: Readonly<Record<string, unknown>>;
    }
  | { readonly verb: "encode"; readonly text: string; readonly whole: boolean }
  | { readonly verb: "decode"; readonly tokens: readonly number[] }
  | { readonly verb: "score"; readonly text: string | readonly number[] }
  | { readonly verb: "likelihood"; readonly passage: string; readonly questions: readonly string[] }
  | {
      readonly verb: "embed";
      readonly texts: string | readonly string[];
      readonly options: Omit<EmbedTextOptions, "signal">;
    }
  | { readonly verb: "indexTexts"; readonly texts: readonly TitledText[] }
  | {
      readonly verb: "nGrams";
      readonly question: string;
      /** In memory that threads share, it is not copied. */
      readonly index: Uint8Array;
      readonly options: Omit<NGramOptions, "signal">;
    }
  | { readonly verb: "fingerprint" };

export type ToThread =
  | { readonly kind: "call"; readonly id: number; readonly request: Request }
  | { readonly kind: "stop"; readonly id: number }
  | { readonly kind: "close" };

/** The model's facts and bytes as they are now. */
export interface ModelFacts {
  readonly config: ModelConfig;
  readonly precision: string;
  readonly bytes: ModelBytes;
}

export type FromThread =
  | { readonly kind: "ready"; readonly facts: ModelFacts }
  | { readonly kind: "refused"; readonly error: CarriedError }
  /** Pieces of text since the last message. */
  | { readonly kind: "pieces"; readonly id: number; readonly pieces: readonly ChatPiece[] }
  /** The end of a call: its value, where it has one. */
  | {
      readonly kind: "end";
      readonly id: number;
      readonly value?: unknown;
      readonly bytes: ModelFacts["bytes"];
    }
  | { readonly kind: "failed"; readonly id: number; readonly error: CarriedError };
