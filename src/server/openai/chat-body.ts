/** The body of POST /v1/chat/completions, and what of it the model is told. */
import { z } from "zod";
import { MnemeError } from "../../errors.ts";
import type { ChatMessage, ChatOptions } from "../../model/index.ts";
import { type Sampling, samplingOf, samplingShape } from "./sampling.ts";

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
  name: z.string().exactOptional(),
  tool_calls: z.array(toolCall).exactOptional(),
  tool_call_id: z.string().exactOptional(),
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
      schema: schemaObject,
    }),
  }),
]);

const tool = z.object({
  type: z.literal("function"),
  function: z.object({
    name: z.string(),
    description: z.string().exactOptional(),
    parameters: schemaObject.exactOptional(),
    strict: z.boolean().nullish(),
  }),
});

export const chatBody = z.object({
  ...samplingShape,
  messages: z.array(message).min(1),
  max_tokens: z.int().min(1).nullish().describe("Default 256, and what the context has room for"),
  max_completion_tokens: z.int().min(1).nullish().describe("The same; it counts where both are given"),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(20).nullish(),
  response_format: responseFormat.nullish(),
  tools: z.array(tool).nullish(),
  tool_choice: z
    .union([
      z.enum(["none", "auto", "required"]),
      z.object({ type: z.literal("function"), function: z.object({ name: z.string() }) }),
    ])
    .nullish(),
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
    ...(one.name === undefined ? {} : { name: one.name }),
    ...(one.tool_calls === undefined ? {} : { tool_calls: one.tool_calls }),
    ...(one.tool_call_id === undefined ? {} : { tool_call_id: one.tool_call_id }),
  }));
}

/** What shapes an answer beyond sampling: a schema that it must follow, tools that it may call. */
interface Shaping {
  readonly schema?: object | true;
  readonly tools?: NonNullable<ChatBody["tools"]>;
  readonly toolChoice?: NonNullable<ChatBody["tool_choice"]>;
}

export function optionsOf(body: ChatBody, choice: number, signal: AbortSignal): ChatOptions & Shaping {
  const most = body.max_completion_tokens ?? body.max_tokens;
  return {
    ...samplingOf(body as Sampling, choice),
    ...shapingOf(body),
    ...(most == null ? {} : { maxTokens: most }),
    ...(body.logprobs ? { logprobs: body.top_logprobs ?? 0 } : {}),
    signal,
  };
}

function shapingOf({ response_format: format, tools, tool_choice: toolChoice }: ChatBody): Shaping {
  return {
    ...(format?.type === "json_object" ? { schema: { type: "object" } } : {}),
    ...(format?.type === "json_schema" ? { schema: format.json_schema.schema } : {}),
    ...(tools?.length ? { tools } : {}),
    ...(toolChoice == null ? {} : { toolChoice }),
  };
}
