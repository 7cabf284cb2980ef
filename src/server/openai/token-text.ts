/** Single tokens as text, for log probabilities; each is asked of the model once. */
import type { LanguageModel, TokenLogprob } from "../../model/index.ts";

export interface LogprobEntry {
  readonly token: string;
  readonly logprob: number;
  /** UTF-8 bytes of the token's text. */
  readonly bytes: readonly number[];
}

/** Log probability of what cannot come; JSON has no infinity. */
const LEAST = -9999;

export class TokenTexts {
  readonly #model: LanguageModel;
  readonly #texts = new Map<number, string>();

  constructor(model: LanguageModel) {
    this.#model = model;
  }

  async of(token: number): Promise<string> {
    let text = this.#texts.get(token);
    if (text === undefined) {
      text = await this.#model.decode([token]);
      this.#texts.set(token, text);
    }
    return text;
  }

  async entry({ token, logprob }: TokenLogprob): Promise<LogprobEntry> {
    const text = await this.of(token);
    return { token: text, logprob: Math.max(LEAST, logprob), bytes: [...new TextEncoder().encode(text)] };
  }

  entries(tokens: readonly TokenLogprob[]): Promise<LogprobEntry[]> {
    return Promise.all(tokens.map((token) => this.entry(token)));
  }
}
