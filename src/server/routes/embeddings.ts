/**
 * POST /v1/embeddings and GET /v1/models, in the shape of OpenAI's API, so that its clients work against the library's own embedder, and
 * by its name against the language model.
 */
import { z } from "zod";
import { MnemeError } from "../../errors.ts";
import type { Matrix } from "../../linalg/matrix.ts";
import { LIBRARY_MODEL } from "../openai/library-chat.ts";
import { noModel } from "../openai/sampling.ts";
import { type Route, route } from "../route.ts";
import type { Service } from "../service.ts";

const embeddingsBody = z.object({
  input: z.union([z.string().min(1), z.array(z.string().min(1)).min(1).max(2048)]),
  model: z.string().exactOptional(),
  encoding_format: z.enum(["float", "base64"]).exactOptional(),
  dimensions: z.int().min(1).exactOptional().describe("Only the model's own dimension"),
  user: z.string().exactOptional(),
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

const modelsAnswer = z.object({
  object: z.literal("list"),
  data: z.array(
    z.object({
      id: z.string(),
      object: z.literal("model"),
      created: z.int(),
      owned_by: z.string(),
      dimensions: z.int().exactOptional().describe("Of embedding models"),
    }),
  ),
});

export function embeddingRoutes(service: Service): Route[] {
  return [embeddingsRoute(service), modelsRoute(service)];
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
      const embedder = await (asked ?? service.embedder)();
      const { model, dim } = embedder.space;
      checkModel(body, model, dim, own?.embedder ? [model, own.name] : [model]);
      const texts = typeof body.input === "string" ? [body.input] : body.input;
      const matrix = await embedder.embed(texts, { signal });
      const words = texts.reduce((sum, text) => sum + text.trim().split(/\s+/).length, 0);
      return {
        object: "list",
        model,
        data: texts.map((_, index) => ({
          object: "embedding",
          index,
          embedding: encodeRow(matrix, index, body.encoding_format ?? "float"),
        })),
        usage: { prompt_tokens: words, total_tokens: words },
      };
    },
  );
}

function modelsRoute({ memory, model: own }: Service): Route {
  return route(
    {
      method: "get",
      path: "/v1/models",
      tag: "Models",
      name: "models",
      summary: "The models of /v1/embeddings and /v1/chat/completions, as in OpenAI's API",
      response: modelsAnswer,
    },
    async () => {
      const { model, dim } = memory.info().space;
      return {
        object: "list",
        data: [
          { id: model, object: "model", created: 0, owned_by: "mneme", dimensions: dim },
          { id: LIBRARY_MODEL, object: "model", created: 0, owned_by: "mneme" },
          ...(own
            ? [{ id: own.name, object: "model", created: 0, owned_by: "mneme", ...(await sizeOf(own)) }]
            : []),
        ],
      };
    },
  );
}

async function sizeOf({ embedder }: NonNullable<Service["model"]>): Promise<{ dimensions?: number }> {
  return embedder ? { dimensions: (await embedder()).space.dim } : {};
}

function checkModel(
  { model: asked, dimensions }: z.infer<typeof embeddingsBody>,
  model: string,
  dim: number,
  known: readonly string[],
): void {
  if (asked !== undefined && asked !== model) throw noModel("embeddings", asked, known);
  if (dimensions !== undefined && dimensions !== dim) {
    throw new MnemeError(
      "DIMENSION",
      `embeddings: ${model} gives ${dim} values, not ${dimensions}; leave dimensions out`,
    );
  }
}

function encodeRow(matrix: Matrix, row: number, format: "float" | "base64"): number[] | string {
  const values = Float32Array.from(matrix.data.subarray(row * matrix.cols, (row + 1) * matrix.cols));
  return format === "float" ? [...values] : Buffer.from(values.buffer).toString("base64");
}
