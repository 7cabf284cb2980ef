/** Tokens counted as OpenAI's API does, over the choices of one request. */
import { z } from "zod";
import type { ChatPiece } from "../../model/index.ts";

export const usageSchema = z.object({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
  prompt_tokens_details: z
    .object({ cached_tokens: z.int().describe("Those that were not computed again") })
    .exactOptional(),
});

export class Usage {
  #prompt = 0;
  #cached = 0;
  #completion = 0;

  /** @param choice of its prompt, which counts once, with the first one */
  add(
    { promptTokens, cachedTokens, generatedTokens }: Extract<ChatPiece, { type: "done" }>,
    choice: number,
  ): void {
    if (choice === 0) {
      this.#prompt += promptTokens;
      this.#cached += cachedTokens;
    }
    this.#completion += generatedTokens;
  }

  /** A prompt that nothing was generated for. */
  addPrompt(tokens: number): void {
    this.#prompt += tokens;
  }

  toJSON(): z.infer<typeof usageSchema> {
    return {
      prompt_tokens: this.#prompt,
      completion_tokens: this.#completion,
      total_tokens: this.#prompt + this.#completion,
      prompt_tokens_details: { cached_tokens: this.#cached },
    };
  }
}
