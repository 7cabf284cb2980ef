/** What is asked of a model that generates, and what it says: pieces of text until it ends, a stop string appears, or there is no room. */
import type { CachePolicy } from "../cache/policy.ts";
import type { SampleOptions } from "./sample.ts";

export interface GenerateOptions extends SampleOptions {
  /** Tokens at most; default 256, and what the context has room for. */
  readonly maxTokens?: number;
  /** Strings that end the text; they are left out of it. */
  readonly stop?: readonly string[];
  /** The text follows this grammar, in GBNF. Where nothing but its end may come, generation stops. */
  readonly grammar?: string;
  /** The text is JSON that is valid under this JSON Schema; true: any JSON object. */
  readonly schema?: object | true;
  /** Also the likeliest alternatives of each token, so many; 0 for the token's own alone. Default: none. */
  readonly logprobs?: number;
  /** What governs the cache, a policy or its name ("snapkv:1/8+lloyd4"); default: every token stays, a byte a value. */
  readonly cache?: CachePolicy | string;
  /** Tokens that are guessed ahead by looking back into the text, and checked together; the text stays the same. Default 0. */
  readonly speculate?: number;
  /** Tokens of the prompt whose cache is kept for requests that begin alike, 0 for none. Default: all, and the answer's. */
  readonly keep?: number;
  readonly signal?: AbortSignal;
}

export const generateDefaults = { maxTokens: 256 } as const;

export interface TokenLogprob {
  readonly token: number;
  /** Natural logarithm of its probability, before penalties, temperature and what a grammar allows. */
  readonly logprob: number;
}

/** "tool_calls" of chats alone: the text has calls of tools. */
export type Finish = "stop" | "length" | "tool_calls";

export type Piece =
  | {
      readonly type: "text";
      readonly text: string;
      /** The token that it ends with, where logprobs were asked for. */
      readonly logprob?: TokenLogprob & { readonly top: readonly TokenLogprob[] };
    }
  | {
      readonly type: "done";
      readonly finish: Finish;
      readonly promptTokens: number;
      /** Of them those whose keys and values were at hand. */
      readonly cachedTokens: number;
      /** Why the others were not. */
      readonly missed: string;
      readonly generatedTokens: number;
      /** Of the cache at the end. */
      readonly cacheBytes: number;
      /** Tokens guessed ahead, and how many held; absent where none were. */
      readonly drafted?: number;
      readonly accepted?: number;
    };
