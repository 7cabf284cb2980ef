/** The body of POST /v1/chat/completions, and what of it the model is told. */
import { z } from "zod";
import { MnemeError } from "../../errors.ts";
import type { ChatMessage, ChatOptions } from "../../model/index.ts";
import { type Sampling, samplingOf, samplingShape, unheard } from "./sampling.ts";
import { toolsOf, toolsShape } from "./tools.ts";

const toolCall = z.object({
  id: z.string(),
  type: z.literal("function"),
  function: z.object({ name: z.string(), arguments: z.string() }),
});

const message = z.object({
  role: z.string(),
  content: z
    .union([z.string(), z.array(z.object({ type: z.string(), text: z.string().exactOptional() })), z.null()])
    .exactOptional(),
  name: z.string().nullish(),
  tool_calls: z.array(toolCall).nullish(),
  tool_call_id: z.string().nullish(),
});
export type Message = z.infer<typeof message>;

const schemaObject = z.record(z.string(), z.unknown());

const responseFormat = z.discriminatedUnion("type", [
  z.object({ type: z.literal("text") }),
  z.object({ type: z.literal("json_object") }),
  z.object({
    type: z.literal("json_schema"),
    json_schema: z.object({
      name: z.string().exactOptional(),
      strict: z.boolean().nullish(),
      schema: schemaObject.nullish().describe("Default: any object"),
    }),
  }),
]);

export const chatBody = z.object({
  ...samplingShape,
  messages: z.array(message).min(1),
  max_tokens: z.int().min(1).nullish().describe("Default 256, and what the context has room for"),
  max_completion_tokens: z.int().min(1).nullish().describe("The same; it counts where both are given"),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(20).nullish(),
  response_format: responseFormat.nullish(),
  ...toolsShape,
  functions: unheard,
  function_call: unheard,
});
export type ChatBody = z.infer<typeof chatBody>;

export function textOf({ content }: Message): string {
  if (typeof content === "string") return content;
  const parts = content ?? [];
  const other = parts.find(({ type }) => type !== "text");
  if (other)
    throw new MnemeError(
      "UNSUPPORTED",
      `chat: a message has a part of type ${JSON.stringify(other.type)}; this model reads text alone`,
      { details: { status: 400, param: "messages" } },
    );
  return parts.map((part) => part.text ?? "").join("\n");
}

export function messagesOf({ messages }: ChatBody): ChatMessage[] {
  return messages.map((one) => ({
    role: one.role === "developer" ? "system" : one.role,
    content: textOf(one),
    ...(one.name == null ? {} : { name: one.name }),
    ...(one.tool_calls == null ? {} : { tool_calls: one.tool_calls }),
    ...(one.tool_call_id == null ? {} : { tool_call_id: one.tool_call_id }),
  }));
}

/** @throws MnemeError ARGUMENT for options that say nothing without others */
export function optionsOf(body: ChatBody, choice: number, signal: AbortSignal): ChatOptions {
  const most = body.max_completion_tokens ?? body.max_tokens;
  return {
    ...samplingOf(body as Sampling, choice),
    ...schemaOf(body),
    ...toolsOf(body),
    ...(most == null ? {} : { maxTokens: most }),
    ...logprobsOf(body),
    signal,
  };
}

function logprobsOf({ logprobs, top_logprobs: top }: ChatBody): { logprobs?: number } {
  if (logprobs) return { logprobs: top ?? 0 };
  if (top == null) return {};
  throw new MnemeError("ARGUMENT", "chat: top_logprobs needs logprobs: true", {
    details: { param: "top_logprobs" },
  });
}

/** The schema that an answer must follow. */
function schemaOf({ response_format: format }: ChatBody): { schema?: object } {
  const anyObject = { type: "object" };
  if (format?.type === "json_object") return { schema: anyObject };
  return format?.type === "json_schema" ? { schema: format.json_schema.schema ?? anyObject } : {};
}
