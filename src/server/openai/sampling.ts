/** Options of OpenAI's API that chats and completions share, as this library's GenerateOptions. */
import { z } from "zod";
import { MnemeError } from "../../errors.ts";
import type { GenerateOptions } from "../../model/index.ts";

/** Texts generated of one prompt at most. */
const MOST_CHOICES = 4;

/** An option that would change the answer and is not heard: refused, unless it asks for nothing. */
export const unheard: z.ZodOptional<z.ZodUnknown> = z
  .unknown()
  .refine((value) => !asks(value), "not supported; leave it out")
  .meta({ description: "Not supported" })
  .optional();

/** Null, nothing in it, one, or "none": what an option is that is left alone. */
function asks(value: unknown): boolean {
  if (value == null || value === "" || value === 1 || value === "none") return false;
  return typeof value !== "object" || Object.keys(value).length > 0;
}

export const samplingShape = {
  model: z.string().exactOptional(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  n: z.int().min(1).max(MOST_CHOICES).nullish().describe("Choices; with temperature 0 they are alike"),
  temperature: z.number().min(0).max(2).nullish().describe("Default 0: always the likeliest token"),
  top_p: z.number().min(0).max(1).nullish(),
  seed: z.int().nullish().describe("Same seed, same text; choice i has seed + i"),
  stop: z
    .union([z.string(), z.array(z.string()).max(4)])
    .nullish()
    .describe("Strings that end the text; they are left out of it"),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  logit_bias: unheard,
  user: z.string().nullish(),
} as const;

const shape = z.object(samplingShape);
export type Sampling = z.infer<typeof shape>;

/** Of choice number `choice`. */
export function samplingOf(body: Sampling, choice: number): GenerateOptions {
  const { temperature, top_p, seed, stop, presence_penalty, frequency_penalty } = body;
  const stops = typeof stop === "string" ? [stop] : (stop ?? []);
  return {
    ...(temperature == null ? {} : { temperature }),
    ...(top_p == null ? {} : { topP: top_p }),
    ...(seed == null ? {} : { seed: seed + choice }),
    ...(stops.length > 0 ? { stop: stops } : {}),
    ...(presence_penalty == null ? {} : { presencePenalty: presence_penalty }),
    ...(frequency_penalty == null ? {} : { frequencyPenalty: frequency_penalty }),
  };
}

/** What OpenAI's API calls this error: `code` and `param` as its clients read them. */
function apiError(
  code: "ARGUMENT" | "RANGE" | "NOT_FOUND",
  message: string,
  apiCode: string,
  param: string,
): MnemeError {
  return new MnemeError(code, message, { details: { apiCode, param } });
}

export function noModel(operation: string, asked: string, known: readonly string[]): MnemeError {
  const names = known.map((name) => JSON.stringify(name)).join(", ");
  return apiError(
    "NOT_FOUND",
    `${operation}: no model ${JSON.stringify(asked)}; this server has ${names}`,
    "model_not_found",
    "model",
  );
}

/** @throws MnemeError RANGE, as OpenAI's context_length_exceeded, where the prompt leaves no room for a token; ARGUMENT where it is empty */
export function checkLength(operation: string, tokens: number, context: number, param: string): void {
  if (tokens === 0) throw apiError("ARGUMENT", `${operation}: the prompt is empty`, "empty_prompt", param);
  if (tokens < context) return;
  throw apiError(
    "RANGE",
    `${operation}: this model's maximum context length is ${context} tokens, and the prompt has ${tokens}; shorten it`,
    "context_length_exceeded",
    param,
  );
}
