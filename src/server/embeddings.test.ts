/** /v1/embeddings in OpenAI's shape, against a small embedder of known vectors. */
import { afterAll, describe, expect, test } from "vitest";
import type { Embedder } from "../embed/embedder.ts";
import { matrix } from "../linalg/matrix.ts";
import { open } from "../memory/index.ts";
import { createServer } from "./index.ts";

const embedder: Embedder = {
  space: { model: "mneme-embed", revision: "r1", pooling: "mean", dim: 2, normalized: false },
  bytes: 0,
  embed: async (texts) =>
    matrix(texts.length, 2, Float32Array.from(texts.flatMap((text) => [text.length, 0.1]))),
  [Symbol.asyncDispose]: async () => {},
};
const memory = await open(":memory:", { workers: 0 });
const server = createServer(memory, { embedder });
afterAll(async () => {
  await server.close();
  await memory.close();
});

async function embed(body: unknown): Promise<Response> {
  const init = {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  };
  return server.app.request("/v1/embeddings", init);
}

describe("embeddings", () => {
  test("floats, in the order of the input", async () => {
    const answer = (await (await embed({ input: ["a", "bcd"], model: "mneme-embed" })).json()) as {
      object: string;
      data: { index: number; embedding: number[] }[];
      usage: object;
    };
    expect(answer.object).toBe("list");
    expect(answer.data.map(({ index }) => index)).toEqual([0, 1]);
    expect(answer.data.map(({ embedding }) => embedding[0])).toEqual([1, 3]);
    expect(answer.data[0]!.embedding[1]).toBeCloseTo(0.1, 6);
    expect(answer.usage).toEqual({ prompt_tokens: 2, total_tokens: 2 });
  });

  test("base64 holds the same float32 values", async () => {
    const answer = (await (await embed({ input: "abcd", encoding_format: "base64" })).json()) as {
      data: { embedding: string }[];
    };
    const bytes = Uint8Array.from(Buffer.from(answer.data[0]!.embedding, "base64"));
    expect([...new Float32Array(bytes.buffer)]).toEqual([4, Math.fround(0.1)]);
  });

  test.each([
    [{ input: "x", model: "text-embedding-3-small" }, 404, "model_not_found"],
    [{ input: "x", dimensions: 256 }, 400, "DIMENSION"],
    [{ input: "" }, 400, "ARGUMENT"],
    [{ input: [] }, 400, "ARGUMENT"],
    [{ input: [[1, 2, 3]] }, 400, "ARGUMENT"],
  ])("refuses %j", async (body, status, code) => {
    const answer = await embed(body);
    expect(answer.status).toBe(status);
    expect(((await answer.json()) as { error: { code: string } }).error.code).toBe(code);
  });

  test("names its model", async () => {
    const models = (await (await server.app.request("/v1/models")).json()) as {
      data: { id: string; object: string }[];
    };
    expect(models.data).toMatchObject([{ id: "mneme-embed" }, { id: "mneme-ask" }]);
  });
});
