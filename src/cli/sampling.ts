/** How a language model writes: the flags of `generate` and `chat`, one an option of `model.generate`. */
import type { GenerateOptions } from "../model/index.ts";
import { numberOf, wholeNumber } from "./library.ts";

export const samplingArgs = {
  "max-tokens": { type: "string", valueHint: "n", default: "256", description: "Tokens at most" },
  temperature: { type: "string", valueHint: "t", default: "0", description: "0 takes the likeliest token" },
  "top-k": { type: "string", valueHint: "n", description: "Only so many of the likeliest tokens" },
  "top-p": { type: "string", valueHint: "p", description: "Only the likeliest tokens of this probability" },
  "min-p": {
    type: "string",
    valueHint: "p",
    description: "Only tokens with this share of the likeliest one's probability",
  },
  "repetition-penalty": {
    type: "string",
    valueHint: "x",
    description: "Makes tokens that were there before less likely, where above 1",
  },
  seed: { type: "string", valueHint: "n", description: "Same seed, same text" },
  stop: { type: "string", valueHint: "text", description: "Ends the text; is left out of it" },
} as const;

export type SamplingFlags = Readonly<Partial<Record<keyof typeof samplingArgs, string | undefined>>>;

/** @throws MnemeError ARGUMENT naming the flag; what a number must be is checked by the model. */
export function samplingOptions(flags: SamplingFlags): GenerateOptions {
  const options = {
    maxTokens: wholeNumber(flags["max-tokens"], "max-tokens"),
    temperature: numberOf(flags.temperature, "temperature"),
    topK: wholeNumber(flags["top-k"], "top-k"),
    topP: numberOf(flags["top-p"], "top-p"),
    minP: numberOf(flags["min-p"], "min-p"),
    repetitionPenalty: numberOf(flags["repetition-penalty"], "repetition-penalty"),
    seed: wholeNumber(flags.seed, "seed"),
    stop: flags.stop === undefined ? undefined : [flags.stop],
  };
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
