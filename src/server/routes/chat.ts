/**
 * POST /v1/chat/completions: `ask` in the shape of OpenAI's API, so that chat programs can talk to the library.
 * Not a chat model: it reads the last user message as a question and answers with the library's own sentences.
 */
import { z } from "zod";
import { MnemeError } from "../../errors.ts";
import type { AnswerPart, Citation } from "../../memory/types.ts";
import { type Route, route } from "../route.ts";
import type { Service } from "../service.ts";
import { sseText } from "../stream.ts";

/** The name under which chat programs choose it. */
export const CHAT_MODEL = "mneme-ask";

const message = z.object({
  role: z.string(),
  content: z.union([
    z.string(),
    z.array(z.object({ type: z.string(), text: z.string().exactOptional() })),
    z.null(),
  ]),
});

const chatBody = z.object({
  messages: z.array(message).min(1),
  model: z.string().exactOptional().describe(`"${CHAT_MODEL}"`),
  stream: z.boolean().exactOptional(),
});

const usage = z.object({ prompt_tokens: z.int(), completion_tokens: z.int(), total_tokens: z.int() });

const chatAnswer = z.object({
  id: z.string(),
  object: z.literal("chat.completion"),
  created: z.int().describe("Seconds since 1970"),
  model: z.string(),
  choices: z.array(
    z.object({
      index: z.int(),
      message: z.object({ role: z.literal("assistant"), content: z.string() }),
      finish_reason: z.literal("stop"),
    }),
  ),
  usage: usage.describe("Counted in words"),
});

export function chatRoutes({ memory }: Service): Route[] {
  const chat = route(
    {
      method: "post",
      path: "/v1/chat/completions",
      tag: "Models",
      name: "chat",
      summary: "Ask the library in the shape of OpenAI's API; the last user message is the question",
      body: chatBody,
      response: chatAnswer,
      produces: [
        { mediaType: "text/event-stream", description: "chat.completion.chunk events, then [DONE]" },
      ],
    },
    async ({ body, signal }) => {
      const question = questionOf(body);
      const stop = new AbortController();
      const parts = memory.ask(question, { signal: AbortSignal.any([signal, stop.signal]) });
      const head = {
        id: `chatcmpl-${crypto.randomUUID()}`,
        created: Math.floor(Date.now() / 1000),
        model: CHAT_MODEL,
      };
      if (body.stream) return sseText(chunks(head, withSources(parts)), () => stop.abort());
      let content = "";
      for await (const text of withSources(parts)) content += text;
      const choice = { index: 0, message: { role: "assistant", content }, finish_reason: "stop" };
      return { object: "chat.completion", ...head, choices: [choice], usage: usageOf(question, content) };
    },
  );
  return [chat];
}

function questionOf({ messages, model }: z.infer<typeof chatBody>): string {
  if (model !== undefined && model !== CHAT_MODEL) {
    throw new MnemeError(
      "NOT_FOUND",
      `chat: no model ${JSON.stringify(model)}; this library answers as ${CHAT_MODEL}`,
    );
  }
  const content = messages.findLast(({ role }) => role === "user")?.content ?? "";
  const text = typeof content === "string" ? content : content.map((part) => part.text ?? "").join("\n");
  if (text.trim() !== "") return text;
  throw new MnemeError("ARGUMENT", "chat: no user message with text; the last one is the question");
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

async function* chunks(head: object, texts: AsyncIterable<string>): AsyncGenerator<string> {
  const chunk = (delta: object, finish: "stop" | null): string => {
    const choice = { index: 0, delta, finish_reason: finish };
    return JSON.stringify({ object: "chat.completion.chunk", ...head, choices: [choice] });
  };
  yield chunk({ role: "assistant", content: "" }, null);
  for await (const content of texts) yield chunk({ content }, null);
  yield chunk({}, "stop");
  yield "[DONE]";
}

function usageOf(question: string, answer: string): z.infer<typeof usage> {
  const words = (text: string): number => text.trim().split(/\s+/).length;
  const [prompt_tokens, completion_tokens] = [words(question), words(answer)];
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
}
