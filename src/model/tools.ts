/** Tools that a model may call, in OpenAI's shape: how a prompt tells of them, and the schema of an answer that must be a call. */
import { MnemeError } from "../errors.ts";
import type { ChatMessage, ChatTemplate } from "./chat-template.ts";
import type { GenerateOptions, Piece } from "./generate.ts";
import { checkDepth } from "./grammar/schema.ts";

export interface Tool {
  readonly type: "function";
  readonly function: {
    /** Letters, digits, "_", "-" and "." , 64 at most. */
    readonly name: string;
    readonly description?: string;
    /** JSON Schema of an object; default: one without properties. */
    readonly parameters?: object;
  };
}

/** "none": no call. "auto": as the model likes, the default. "required": a call of some tool. Else a call of the named one. */
export type ToolChoice =
  | "none"
  | "auto"
  | "required"
  | { readonly type?: "function"; readonly function: { readonly name: string } };

export interface ToolCall {
  /** Nine letters and digits; what a message with the result names as its tool_call_id. */
  readonly id: string;
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

export type ChatPiece =
  | Piece
  | {
      readonly type: "tool_calls";
      readonly calls: readonly ToolCall[];
    };

export interface ChatOptions extends GenerateOptions {
  readonly tools?: readonly Tool[];
  readonly toolChoice?: ToolChoice;
}

const NAME = /^[\w.-]{1,64}$/;
const NO_PARAMETERS = { type: "object", properties: {} };

/** The tools that may be called: none where the choice is "none". @throws MnemeError ARGUMENT naming what cannot be */
export function toolsOf({ tools = [], toolChoice = "auto", grammar, schema }: ChatOptions): readonly Tool[] {
  const names = tools.map((tool) => nameOf(tool));
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new MnemeError("ARGUMENT", `chat: two tools have the name "${twice}"; rename one`);
  if (typeof toolChoice === "object" && !names.includes(toolChoice.function?.name))
    throw new MnemeError(
      "ARGUMENT",
      `chat: toolChoice names "${toolChoice.function?.name}"; the tools are ${names.join(", ") || "none"}`,
    );
  if (typeof toolChoice === "string" && !["none", "auto", "required"].includes(toolChoice))
    throw new MnemeError(
      "ARGUMENT",
      `chat: toolChoice is "${toolChoice}"; expected none, auto, required or a function`,
    );
  if (toolChoice === "required" && tools.length === 0)
    throw new MnemeError("ARGUMENT", 'chat: toolChoice is "required" and there are no tools; give some');
  if (toolChoice === "none") return [];
  if (tools.length > 0 && (grammar ?? schema) !== undefined)
    throw new MnemeError(
      "ARGUMENT",
      'chat: tools together with grammar or schema; leave one out, or set toolChoice to "none"',
    );
  return tools;
}

function nameOf(tool: Tool): string {
  const name = tool?.function?.name;
  if (tool?.type === "function" && typeof name === "string" && NAME.test(name)) return name;
  throw new MnemeError(
    "ARGUMENT",
    `chat: a tool is ${JSON.stringify(tool)}; expected {type: "function", function: {name, ...}} with a name of letters, digits, "_", "-", "."`,
  );
}

/** What the model calls the arguments: "parameters" by Llama 3.1, whose template says so. */
export function argumentsKey(template: ChatTemplate): "arguments" | "parameters" {
  return template.mentions('"parameters":') && !template.mentions('"arguments"') ? "parameters" : "arguments";
}

/** The schema that an answer must follow; undefined where it need not be a call. */
export function callSchema(
  tools: readonly Tool[],
  choice: ToolChoice | undefined,
  key: "arguments" | "parameters",
): object | undefined {
  if (choice === undefined || choice === "auto" || choice === "none") return undefined;
  const called = tools.filter((tool) => choice === "required" || tool.function.name === choice.function.name);
  return {
    anyOf: called.map(({ function: { name, parameters = NO_PARAMETERS } }, i) => ({
      type: "object",
      properties: {
        name: { const: name },
        [key]: { type: "object", allOf: [moved(parameters, `#/anyOf/${i}/properties/${key}/allOf/0`)] },
      },
      required: ["name", key],
      additionalProperties: false,
    })),
  };
}

/** The schema with its references to itself as they must be where it stands now. */
function moved(schema: object, to: string): object {
  checkDepth(schema);
  const move = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map(move);
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => {
        if (key === "$ref" && typeof inner === "string" && inner.startsWith("#"))
          return [key, to + inner.slice(1)];
        return [key, key === "const" || key === "enum" ? inner : move(inner)];
      }),
    );
  };
  return move(schema) as object;
}

/**
 * The messages as the template can render them. One that knows of tools gets arguments as objects; for another, calls and results become
 * plain text, and the tools are told in a system message, or before the first message of the user where the template has no system.
 */
export function messagesFor(
  template: ChatTemplate,
  messages: readonly ChatMessage[],
  tools: readonly Tool[] = [],
): readonly ChatMessage[] {
  if (template.mentions("tools")) return messages.map(withParsedArguments);
  const plain = messages.map((message) => asText(message, messages));
  if (tools.length === 0) return plain;
  const about = toolText(tools);
  const role = template.mentions("system") ? "system" : "user";
  const at = plain.findIndex((message) => message.role === role);
  const found = plain[at];
  if (role === "system" && !found) return [{ role, content: about }, ...plain];
  if (!found) return [...plain, { role, content: about }];
  const content = role === "system" ? `${found.content}\n\n${about}` : `${about}\n\n${found.content}`;
  return plain.map((message, i) => (i === at ? { ...message, content } : message));
}

function toolText(tools: readonly Tool[]): string {
  const list = tools.map((tool) =>
    JSON.stringify({ ...tool.function, parameters: tool.function.parameters ?? NO_PARAMETERS }),
  );
  return [
    "You may call these functions:",
    ...list,
    'To call one, answer with nothing but {"name": <its name>, "arguments": {<its arguments>}}.',
  ].join("\n");
}

function withParsedArguments(message: ChatMessage): ChatMessage {
  if (!message.tool_calls) return message;
  const calls = message.tool_calls.map((call) => ({
    type: "function" as const,
    ...call,
    function: { ...call.function, arguments: parsedArguments(call.function.arguments) },
  }));
  return { ...message, tool_calls: calls };
}

function parsedArguments(given: string | object): object {
  if (typeof given !== "string") return given;
  try {
    return JSON.parse(given || "{}") as object;
  } catch (cause) {
    throw new MnemeError(
      "ARGUMENT",
      `chat: the arguments of a tool call are no JSON: ${given.slice(0, 80)}`,
      { cause },
    );
  }
}

function asText(message: ChatMessage, messages: readonly ChatMessage[]): ChatMessage {
  if (message.tool_calls) {
    const calls = message.tool_calls.map(({ function: { name, arguments: given } }) =>
      JSON.stringify({ name, arguments: parsedArguments(given) }),
    );
    return { role: message.role, content: [message.content, ...calls].filter(Boolean).join("\n") };
  }
  if (message.role !== "tool") return message;
  const called = messages
    .flatMap((one) => one.tool_calls ?? [])
    .find(({ id }) => id !== undefined && id === message.tool_call_id);
  const name = message.name ?? called?.function.name;
  return { role: "user", content: `Result of ${name ?? "the call"}:\n${message.content}` };
}
