/**
 * POST /v1/embeddings, GET /v1/models and GET /v1/models/{model}, in the shape of OpenAI's API, so that its clients work against the library's own embedder, and
 * by its name against the language model.
 */
import { z } from "zod";
import type { Embedder } from "../../embed/embedder.ts";
import { MnemeError } from "../../errors.ts";
import { type Matrix, rowOf } from "../../linalg/matrix.ts";
import { LIBRARY_MODEL } from "../openai/library-chat.ts";
import { noModel } from "../openai/sampling.ts";
import { type Route, route } from "../route.ts";
import type { Service } from "../service.ts";

const embeddingsBody = z.object({
  input: z.union([z.string().min(1), z.array(z.string().min(1)).min(1).max(2048)]),
  model: z.string().exactOptional(),
  encoding_format: z.enum(["float", "base64"]).nullish(),
  dimensions: z
    .int()
    .min(1)
    .nullish()
    .describe("The model's own dimension, or a smaller one that the beginning of its vectors is good for"),
  user: z.string().nullish(),
});

const embeddingsAnswer = z.object({
  object: z.literal("list"),
  model: z.string(),
  data: z.array(
    z.object({
      object: z.literal("embedding"),
      index: z.int(),
      embedding: z
        .union([z.array(z.number()), z.string()])
        .describe("Numbers, or base64 of little-endian float32"),
    }),
  ),
  usage: z.object({ prompt_tokens: z.int(), total_tokens: z.int() }).describe("Counted in words"),
});

const modelAnswer = z.object({
  id: z.string(),
  object: z.literal("model"),
  created: z.int(),
  owned_by: z.string(),
  dimensions: z.int().exactOptional().describe("Of embedding models"),
});

const modelsAnswer = z.object({ object: z.literal("list"), data: z.array(modelAnswer) });

export function embeddingRoutes(service: Service): Route[] {
  return [embeddingsRoute(service), ...modelsRoutes(service)];
}

function embeddingsRoute(service: Service): Route {
  return route(
    {
      method: "post",
      path: "/v1/embeddings",
      tag: "Models",
      name: "embeddings",
      summary: "Vectors of texts, as in OpenAI's API",
      body: embeddingsBody,
      response: embeddingsAnswer,
    },
    async ({ body, signal }) => {
      const own = service.model;
      const asked = own !== undefined && body.model === own.name ? own.embedder : undefined;
      const embedder = asked ? await asked() : service.memory.embedder;
      const { model } = embedder.space;
      checkModel(body, model, own?.embedder ? [model, own.name] : [model]);
      const width = widthOf(body, embedder);
      const texts = typeof body.input === "string" ? [body.input] : body.input;
      const matrix = await embedder.embed(texts, { signal });
      const words = texts.reduce((sum, text) => sum + text.trim().split(/\s+/).length, 0);
      return {
        object: "list",
        model,
        data: texts.map((_, index) => ({
          object: "embedding",
          index,
          embedding: encodeRow(matrix, index, width, body.encoding_format ?? "float"),
        })),
        usage: { prompt_tokens: words, total_tokens: words },
      };
    },
  );
}

function modelsRoutes(service: Service): Route[] {
  const all = route(
    {
      method: "get",
      path: "/v1/models",
      tag: "Models",
      name: "models",
      summary: "The models of /v1/embeddings and /v1/chat/completions, as in OpenAI's API",
      response: modelsAnswer,
    },
    async () => ({ object: "list", data: await modelsOf(service) }),
  );
  const one = route(
    {
      method: "get",
      path: "/v1/models/{model}",
      tag: "Models",
      name: "model",
      summary: "One of them",
      params: z.object({ model: z.string().min(1) }),
      response: modelAnswer,
    },
    async ({ params: { model } }) => {
      const data = await modelsOf(service);
      const known = data.map(({ id }) => id);
      const found = data.find(({ id }) => id === model);
      if (!found) throw noModel("models", model, known);
      return found;
    },
  );
  return [all, one];
}

async function modelsOf({ memory, model: own }: Service): Promise<z.infer<typeof modelAnswer>[]> {
  const { model, dim } = memory.info().space;
  const told = { object: "model", created: 0, owned_by: "mneme" } as const;
  return [
    { id: model, ...told, dimensions: dim },
    { id: LIBRARY_MODEL, ...told },
    ...(own ? [{ id: own.name, ...told, ...(await sizeOf(own)) }] : []),
  ];
}

async function sizeOf({ embedder }: NonNullable<Service["model"]>): Promise<{ dimensions?: number }> {
  return embedder ? { dimensions: (await embedder()).space.dim } : {};
}

function checkModel(
  { model: asked }: z.infer<typeof embeddingsBody>,
  model: string,
  known: readonly string[],
): void {
  if (asked !== undefined && asked !== model) throw noModel("embeddings", asked, known);
}

/** @throws MnemeError DIMENSION for a width that the model has no vectors of */
function widthOf(
  { dimensions }: z.infer<typeof embeddingsBody>,
  { space: { model, dim }, widths = [] }: Embedder,
): number {
  if (dimensions == null || dimensions === dim || widths.includes(dimensions)) return dimensions ?? dim;
  throw new MnemeError(
    "DIMENSION",
    `embeddings: ${model} gives ${[dim, ...widths].join(", ")} values, not ${dimensions}; leave dimensions out`,
    { details: { param: "dimensions" } },
  );
}

function encodeRow(
  matrix: Matrix,
  row: number,
  width: number,
  format: "float" | "base64",
): number[] | string {
  const values = Float32Array.from(rowOf(matrix, row).subarray(0, width));
  if (width < matrix.cols) {
    const length = Math.hypot(...values) || 1;
    for (let i = 0; i < width; i++) values[i]! /= length;
  }
  return format === "float" ? [...values] : Buffer.from(values.buffer).toString("base64");
}
