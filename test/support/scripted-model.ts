/** A language model that says what it is told to: for what a real one cannot be made to do, such as citing a passage that it was not given. */

import type { ChatMessage } from "../../src/model/chat-template.ts";
import type { Piece } from "../../src/model/generate.ts";
import type { LanguageModel } from "../../src/model/language-model.ts";
import type { ChatOptions } from "../../src/model/tools.ts";

export interface ScriptOptions {
  /** Default 4096 tokens; a token is a character here. */
  readonly context?: number;
  /** What its template does with a system message. */
  readonly system?: "shown" | "refused" | "as the assistant's";
  /** Thrown after its words. */
  readonly failure?: Error;
  readonly finish?: "stop" | "length";
}

export class ScriptedModel implements LanguageModel {
  readonly config: LanguageModel["config"];
  /** The conversations that it was given. */
  readonly heard: (readonly ChatMessage[])[] = [];
  /** Pieces that were taken from it. */
  taken = 0;
  readonly #says: string;
  readonly #options: ScriptOptions;

  constructor(says: string, options: ScriptOptions = {}) {
    this.config = { context: options.context ?? 4096, vocabulary: 256, bos: undefined, eos: [] };
    this.#says = says;
    this.#options = options;
  }

  async *chat(messages: readonly ChatMessage[], options: ChatOptions = {}): AsyncGenerator<Piece> {
    this.heard.push(messages);
    options.signal?.throwIfAborted();
    const pieces = this.#says.match(/[\s\S]{1,5}/g) ?? [];
    for (const text of pieces) {
      this.taken++;
      yield { type: "text", text };
    }
    if (this.#options.failure) throw this.#options.failure;
    const counts = {
      promptTokens: 1,
      cachedTokens: 0,
      generatedTokens: pieces.length,
      missed: "",
      cacheBytes: 0,
    };
    yield { type: "done", finish: this.#options.finish ?? "stop", ...counts };
  }

  generate(prompt: string | readonly number[]): AsyncGenerator<Piece> {
    return this.chat([{ role: "user", content: String(prompt) }]);
  }

  chatPrompt(messages: readonly ChatMessage[]): string {
    const { system = "shown" } = this.#options;
    if (system === "refused" && messages.some(({ role }) => role === "system"))
      throw new Error("no system messages");
    const nameOf = (role: string): string =>
      role === "system" && system === "as the assistant's" ? "assistant" : role;
    return messages.map(({ role, content }) => `<${nameOf(role)}>${content}`).join("");
  }

  encode(text: string): number[] {
    return Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
  }

  decode(tokens: readonly number[]): string {
    return String.fromCharCode(...tokens);
  }

  async score(): Promise<Float64Array> {
    return new Float64Array(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
