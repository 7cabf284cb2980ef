/** POST /v1/chat/completions by the library: the last user message is a question, the answer is `chat`'s with its sources. */
import { MnemeError } from "../../errors.ts";
import type { AnswerPart, Citation, Memory } from "../../memory/types.ts";
import type { CallContext } from "../route.ts";
import { sseText } from "../stream.ts";
import { type ChatBody, messagesOf, textOf } from "./chat-body.ts";

/** The name under which chat programs choose it. */
export const LIBRARY_MODEL = "mneme-ask";

export async function libraryChat(
  memory: Memory,
  body: ChatBody,
  { signal, ends }: Pick<CallContext, "signal" | "ends">,
): Promise<object> {
  if ((body.n ?? 1) > 1)
    throw new MnemeError("ARGUMENT", `chat: ${LIBRARY_MODEL} has one answer; leave n out`, {
      details: { param: "n" },
    });
  const question = questionOf(body);
  const parts = memory.chat(messagesOf(body), { signal });
  const head = {
    id: `chatcmpl-${crypto.randomUUID()}`,
    created: Math.floor(Date.now() / 1000),
    model: LIBRARY_MODEL,
  };
  if (body.stream) {
    const withUsage = body.stream_options?.include_usage === true;
    return sseText(chunks(head, question, withSources(parts), withUsage), ends);
  }
  let content = "";
  for await (const text of withSources(parts)) content += text;
  const message = { role: "assistant", content, refusal: null };
  const choices = [{ index: 0, message, finish_reason: "stop", logprobs: null }];
  return { object: "chat.completion", ...head, choices, usage: usageOf(question, content) };
}

function questionOf({ messages }: ChatBody): string {
  const last = messages.findLast(({ role }) => role === "user");
  const text = last ? textOf(last) : "";
  if (text.trim() !== "") return text;
  throw new MnemeError("ARGUMENT", "chat: no user message with text; the last one is the question", {
    details: { param: "messages" },
  });
}

/** The answer's text, then the places it stands, as chat programs show nothing but text. */
async function* withSources(parts: AsyncIterable<AnswerPart>): AsyncGenerator<string> {
  const citations = new Map<number, Citation>();
  for await (const part of parts) {
    if (part.type === "citation") citations.set(part.citation.number, part.citation);
    if (part.type === "done" && !part.answered) yield part.reason ?? "The library holds no answer.";
    if (part.text !== "") yield part.text;
  }
  if (citations.size === 0) return;
  yield `\n\n${[...citations.values()].map(({ number, id, place }) => `[${number}] ${id}, line ${place.line}`).join("\n")}`;
}

async function* chunks(
  head: object,
  question: string,
  texts: AsyncIterable<string>,
  withUsage: boolean,
): AsyncGenerator<string> {
  const frame = (choices: readonly object[], usage: object | null = null): string =>
    JSON.stringify({ object: "chat.completion.chunk", ...head, choices, ...(withUsage ? { usage } : {}) });
  const chunk = (delta: object, finish: "stop" | null): string =>
    frame([{ index: 0, delta, finish_reason: finish, logprobs: null }]);
  let content = "";
  yield chunk({ role: "assistant", content: "" }, null);
  for await (const text of texts) {
    content += text;
    yield chunk({ content: text }, null);
  }
  yield chunk({}, "stop");
  if (withUsage) yield frame([], usageOf(question, content));
  yield "[DONE]";
}

/** In words: extraction has no tokens. */
function usageOf(question: string, answer: string): object {
  const words = (text: string): number => text.trim().split(/\s+/).length;
  const [prompt_tokens, completion_tokens] = [words(question), words(answer)];
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
}
