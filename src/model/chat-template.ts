/** The prompt of a conversation, by the template that came with the model (Jinja, by `@huggingface/jinja`). */
import { MnemeError } from "../errors.ts";

export interface ChatMessage {
  readonly role: string;
  readonly content: string;
  /** Of an assistant: the tools that it called. */
  readonly tool_calls?: readonly ChatToolCall[];
  /** Of a tool: the id of the call that this is the result of. */
  readonly tool_call_id?: string;
  /** Of a tool: its name. */
  readonly name?: string;
}

/** A call as OpenAI's messages carry it. */
export interface ChatToolCall {
  readonly id?: string;
  readonly type?: "function";
  readonly function: {
    readonly name: string;
    /** An object, or its JSON. */
    readonly arguments: string | object;
  };
}

export interface ChatTemplate {
  /** Whether its source has these words; how else would one know what it can tell the model? */
  mentions(words: string): boolean;
  /** Text up to where the assistant begins to answer. @throws MnemeError ARGUMENT with what the template says of the messages */
  render(messages: readonly ChatMessage[], context?: Readonly<Record<string, unknown>>): string;
}

/** @param config parsed tokenizer_config.json; its special tokens are the template's. @throws MnemeError FORMAT naming `file` */
export async function openChatTemplate(
  source: string,
  config: Readonly<Record<string, unknown>>,
  file: string,
): Promise<ChatTemplate> {
  const { Template } = await import("@huggingface/jinja");
  let template: InstanceType<typeof Template>;
  try {
    template = new Template(source);
  } catch (cause) {
    throw new MnemeError("FORMAT", `${file}: its chat template is not understood`, { cause });
  }
  const tokens = {
    bos_token: tokenText(config.bos_token),
    eos_token: tokenText(config.eos_token),
    pad_token: tokenText(config.pad_token),
  };
  return {
    mentions: (words) => source.includes(words),
    render(messages, context = {}) {
      try {
        return template.render({ ...tokens, messages, add_generation_prompt: true, ...context });
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause);
        throw new MnemeError("ARGUMENT", `chat: the model's template refuses these messages: ${why}`, {
          cause,
        });
      }
    },
  };
}

/** A special token is text, or an object around it. */
function tokenText(token: unknown): string {
  if (typeof token === "string") return token;
  const content = (token as { content?: unknown } | null | undefined)?.content;
  return typeof content === "string" ? content : "";
}
