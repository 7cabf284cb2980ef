/** /v1/embeddings in OpenAI's shape, against a small embedder of known vectors, and a tiny language model. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { writeModelFolder } from "../../test/support/model-folder.ts";
import type { Embedder } from "../embed/embedder.ts";
import { matrix } from "../linalg/matrix.ts";
import { open } from "../memory/index.ts";
import { load } from "../model/index.ts";
import { createServer } from "./index.ts";

const embedder: Embedder = {
  space: { model: "mneme-embed", revision: "r1", pooling: "mean", dim: 2, normalized: false },
  bytes: 0,
  embed: async (texts) =>
    matrix(texts.length, 2, Float32Array.from(texts.flatMap((text) => [text.length, 0.1]))),
  [Symbol.asyncDispose]: async () => {},
};
const memory = await open(":memory:", { workers: 0, embedder });
const server = createServer(memory);
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

test("a library that moves to another embedder takes its vectors along", async () => {
  const space = { ...embedder.space, model: "longer", dim: 3 };
  const longer: Embedder = {
    ...embedder,
    space,
    embed: async (texts) => matrix(texts.length, 3, new Float32Array(3 * texts.length).fill(0.5)),
  };
  await using moving = await open(":memory:", { workers: 0, embedder });
  await using own = createServer(moving);
  const post = async (body: object): Promise<unknown> => {
    const headers = { "content-type": "application/json" };
    const init = { method: "POST", headers, body: JSON.stringify(body) };
    return (await own.app.request("/v1/embeddings", init)).json();
  };
  expect(await post({ input: "abc" })).toMatchObject({ model: "mneme-embed" });
  await moving.reembed(longer);
  expect(moving.embedder.space).toEqual(space);
  expect(await post({ input: "abc", model: "longer" })).toMatchObject({
    model: "longer",
    data: [{ embedding: [0.5, 0.5, 0.5] }],
  });
  expect(await post({ input: "abc", model: "mneme-embed" })).toMatchObject({
    error: { code: "model_not_found" },
  });
});

test("a language model's vectors by its name, the library's without one; and its bytes", async () => {
  const folder = mkdtempSync(join(tmpdir(), "mneme-embeddings-"));
  await using model = await load(writeModelFolder(folder), { workers: 0, weightCache: false });
  await using own = createServer(memory, { model, modelName: "tiny" });
  const post = async (body: object): Promise<{ status: number; json: unknown }> => {
    const headers = { "content-type": "application/json" };
    const init = { method: "POST", headers, body: JSON.stringify(body) };
    const answer = await own.app.request("/v1/embeddings", init);
    return { status: answer.status, json: await answer.json() };
  };
  const vector = [...(await model.embed("some text"))];
  expect(await post({ input: "some text", model: "tiny" })).toMatchObject({
    status: 200,
    json: { model: "tiny", data: [{ index: 0, embedding: vector }] },
  });
  expect(await post({ input: "abc" })).toMatchObject({ json: { model: "mneme-embed" } });
  expect(await post({ input: "x", model: "other" })).toMatchObject({
    status: 404,
    json: { error: { message: expect.stringContaining('this server has "mneme-embed", "tiny"') } },
  });
  const models = await own.app.request("/v1/models");
  expect(await models.json()).toMatchObject({ data: [{}, {}, { id: "tiny", dimensions: 64 }] });
  const { weights, cache, scratch } = model.bytes;
  const stats = await own.app.request("/v1/stats");
  expect(await stats.json()).toMatchObject({ model: { name: "tiny", weights, cache, scratch } });
  const metrics = await (await own.app.request("/metrics")).text();
  expect(metrics).toContain(`mneme_language_model_bytes{model="tiny",part="weights"} ${weights}\n`);
  rmSync(folder, { recursive: true });
});
