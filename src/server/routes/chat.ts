/**
 * POST /v1/chat/completions in the shape of OpenAI's API, so that chat programs can talk to the library (model "mneme-ask") and, where
 * the server has a language model, to that.
 */
import { z } from "zod";
import { chatBody } from "../openai/chat-body.ts";
import { LIBRARY_MODEL, libraryChat } from "../openai/library-chat.ts";
import { ModelChat } from "../openai/model-chat.ts";
import { noModel } from "../openai/sampling.ts";
import { usageSchema } from "../openai/usage.ts";
import { type Route, route } from "../route.ts";
import type { Service } from "../service.ts";

const logprobEntry = z.object({ token: z.string(), logprob: z.number(), bytes: z.array(z.int()) });

const chatAnswer = z.object({
  id: z.string(),
  object: z.literal("chat.completion"),
  created: z.int().describe("Seconds since 1970"),
  model: z.string(),
  choices: z.array(
    z.object({
      index: z.int(),
      message: z.object({
        role: z.literal("assistant"),
        content: z.string().nullable(),
        refusal: z.null(),
        tool_calls: z
          .array(
            z.object({
              id: z.string(),
              type: z.literal("function"),
              function: z.object({ name: z.string(), arguments: z.string().describe("JSON") }),
            }),
          )
          .exactOptional(),
      }),
      finish_reason: z.enum(["stop", "length", "tool_calls"]),
      logprobs: z
        .object({
          content: z.array(logprobEntry.extend({ top_logprobs: z.array(logprobEntry) })),
          refusal: z.null(),
        })
        .nullable(),
    }),
  ),
  usage: usageSchema.describe(`In tokens; of ${LIBRARY_MODEL} in words`),
});

export function chatRoutes({ memory, model }: Service): Route[] {
  const own = model && new ModelChat(model.model, model.name);
  const known = model ? [LIBRARY_MODEL, model.name] : [LIBRARY_MODEL];
  const chat = route(
    {
      method: "post",
      path: "/v1/chat/completions",
      tag: "Models",
      name: "chat",
      summary: "Chat in the shape of OpenAI's API",
      description: `Model "${LIBRARY_MODEL}", the default, answers the last user message from the library, with regard to those before it. Another one is the server's language model.`,
      body: chatBody,
      response: chatAnswer,
      produces: [
        { mediaType: "text/event-stream", description: "chat.completion.chunk events, then [DONE]" },
      ],
    },
    async ({ body, ...context }) => {
      const asked = body.model ?? LIBRARY_MODEL;
      if (asked === LIBRARY_MODEL) return libraryChat(memory, body, context);
      if (!own || asked !== model.name) throw noModel("chat", asked, known);
      return own.answer(body, context);
    },
  );
  return [chat];
}
