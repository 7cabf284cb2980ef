/** POST /v1/completions in the shape of OpenAI's older API: plain text or tokens go on. */
import { z } from "zod";
import { Completions, completionBody } from "../openai/completions.ts";
import { noModel } from "../openai/sampling.ts";
import { usageSchema } from "../openai/usage.ts";
import { type Route, route } from "../route.ts";
import type { Service } from "../service.ts";

const completionAnswer = z.object({
  id: z.string(),
  object: z.literal("text_completion"),
  created: z.int().describe("Seconds since 1970"),
  model: z.string(),
  choices: z.array(
    z.object({
      index: z.int(),
      text: z.string(),
      finish_reason: z.enum(["stop", "length"]),
      logprobs: z
        .object({
          tokens: z.array(z.string()),
          token_logprobs: z.array(z.number().nullable()),
          top_logprobs: z.array(z.record(z.string(), z.number()).nullable()),
          text_offset: z.array(z.int()),
        })
        .nullable(),
    }),
  ),
  usage: usageSchema,
});

export function completionRoutes({ model }: Service): Route[] {
  const own = model && new Completions(model.model, model.name);
  const complete = route(
    {
      method: "post",
      path: "/v1/completions",
      tag: "Models",
      name: "complete",
      summary: "Continue texts in the shape of OpenAI's API; needs a server with a language model",
      body: completionBody,
      response: completionAnswer,
      produces: [{ mediaType: "text/event-stream", description: "text_completion events, then [DONE]" }],
    },
    async ({ body, ...context }) => {
      const asked = body.model ?? model?.name ?? "";
      if (!own || asked !== model.name) throw noModel("completions", asked, model ? [model.name] : []);
      return own.answer(body, context);
    },
  );
  return [complete];
}
