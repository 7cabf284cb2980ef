/**
 * The server under OpenAI's own client: a session with a tiny model of random weights, over a socket. Skipped where the client is not
 * installed (npm run tools).
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeModelFolder } from "../../test/support/model-folder.ts";
import { type Memory, open } from "../memory/index.ts";
import { loadOnThread, type ModelThread } from "../model/index.ts";
import { createServer, type MnemeServer } from "./index.ts";

const client = new URL("../../tools/node_modules/openai/index.mjs", import.meta.url);

const CONTEXT = 1024;
const MODEL = "tiny";
const messages = [
  { role: "system" as const, content: "Be brief." },
  { role: "user" as const, content: [{ type: "text" as const, text: "Hello" }] },
];
/** Long enough to be interrupted, and never at its end by itself: the likeliest token of this model is no end. */
const long = { model: MODEL, messages, max_tokens: 900 };

const scratch = mkdtempSync(join(tmpdir(), "mneme-openai-"));
let memory: Memory;
let model: ModelThread;
let server: MnemeServer;
// biome-ignore lint/suspicious/noExplicitAny: a client whose types are not installed with this package
let openai: any;
let url = "";

const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
};

beforeAll(async () => {
  memory = await open(":memory:", { workers: 0 });
  await memory.add([{ id: "spann.md", text: "Posting lists are pruned by their distance to the query." }]);
  model = await loadOnThread(writeModelFolder(join(scratch, MODEL), { context: CONTEXT }), { workers: 0 });
  server = createServer(memory, { model });
  ({ url } = await server.listen({ port: 0 }));
  if (!existsSync(client)) return;
  const { default: OpenAI } = await import(client.href);
  openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
});
afterAll(async () => {
  await server.close();
  await model[Symbol.asyncDispose]();
  await memory.close();
  rmSync(scratch, { recursive: true, force: true });
});

describe.skipIf(!existsSync(client))("OpenAI's client", () => {
  test("lists the models", async () => {
    const ids: string[] = [];
    for await (const one of openai.models.list()) ids.push(one.id);
    expect(ids).toEqual(["mneme-embed", "mneme-ask", MODEL]);
    for (const id of ids) expect(await openai.models.retrieve(id)).toMatchObject({ id, object: "model" });
    await expect(openai.models.retrieve("gpt-4o")).rejects.toMatchObject({
      status: 404,
      code: "model_not_found",
      param: "model",
    });
  });

  test("an assistant's message goes back as it came, its empty fields included", async () => {
    const { choices } = await openai.chat.completions.create({ model: MODEL, messages, max_tokens: 2 });
    const nothing = { name: null, tool_calls: null, tool_call_id: null };
    const said = [...messages, { ...choices[0].message, ...nothing }, { role: "user", content: "Go on" }];
    const more = await openai.chat.completions.create({ model: MODEL, messages: said, max_tokens: 2 });
    expect(more.choices[0].finish_reason).toBe("length");
  });

  test("embeddings: the widths that a vector's beginning is good for", async () => {
    const ask = { model: "mneme-embed", input: "posting lists" };
    const whole = (await openai.embeddings.create(ask)).data[0].embedding;
    const { embedding } = (await openai.embeddings.create({ ...ask, dimensions: 64 })).data[0];
    expect(embedding).toHaveLength(64);
    expect(Math.hypot(...embedding)).toBeCloseTo(1, 5);
    const length = Math.hypot(...whole.slice(0, 64));
    for (let i = 0; i < 64; i++) expect(embedding[i]).toBeCloseTo(whole[i] / length, 5);
    const failed = openai.embeddings.create({ ...ask, dimensions: 100 });
    await expect(failed).rejects.toMatchObject({ status: 400, code: "DIMENSION", param: "dimensions" });
    const ofModel = openai.embeddings.create({ ...ask, model: MODEL, dimensions: 2 });
    await expect(ofModel).rejects.toMatchObject({ status: 400, code: "DIMENSION", param: "dimensions" });
  });

  test("chats, whole and in a stream, alike", async () => {
    const body = { model: MODEL, messages, max_tokens: 12 };
    const whole = await openai.chat.completions.create(body);
    expect(whole).toMatchObject({
      object: "chat.completion",
      model: MODEL,
      choices: [{ index: 0, message: { role: "assistant" }, finish_reason: "length" }],
      usage: { completion_tokens: 12, prompt_tokens_details: { cached_tokens: expect.any(Number) } },
    });
    const { usage } = whole;
    expect(usage.total_tokens).toBe(usage.prompt_tokens + 12);
    const stream = openai.chat.completions.stream({ ...body, stream_options: { include_usage: true } });
    let text = "";
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
    const final = await stream.finalChatCompletion();
    expect(text).toBe(whole.choices[0].message.content);
    expect(final.choices[0].finish_reason).toBe("length");
    expect(final.usage).toMatchObject({ completion_tokens: 12, prompt_tokens: usage.prompt_tokens });
    expect(final.usage.prompt_tokens_details.cached_tokens).toBe(usage.prompt_tokens - 1);
  });

  test("sampling options are heard", async () => {
    const create = async (more: object): Promise<string> => {
      const body = { model: MODEL, messages, max_completion_tokens: 16, temperature: 2, ...more };
      return (await openai.chat.completions.create(body)).choices[0].message.content;
    };
    expect(await create({ seed: 1 })).toBe(await create({ seed: 1 }));
    expect(await create({ temperature: 0 })).toBe(await create({ top_p: 0 }));
    const plain = await create({ temperature: 0 });
    expect(await create({ temperature: 0, frequency_penalty: 2, presence_penalty: 2 })).not.toBe(plain);
    expect(await create({ temperature: 0, stop: [plain.slice(3, 5)] })).toBe(
      plain.slice(0, plain.indexOf(plain.slice(3, 5))),
    );
  });

  test("n choices, each by its own seed", async () => {
    const body = { model: MODEL, messages, max_tokens: 8, n: 3, temperature: 2, seed: 7 };
    const { choices, usage } = await openai.chat.completions.create(body);
    // biome-ignore lint/suspicious/noExplicitAny: as above
    expect(choices.map(({ index }: any) => index)).toEqual([0, 1, 2]);
    const alone = await openai.chat.completions.create({ ...body, n: 1, seed: 8 });
    expect(choices[1].message.content).toBe(alone.choices[0].message.content);
    expect(usage.prompt_tokens).toBe(alone.usage.prompt_tokens);
    const texts = ["", "", ""];
    for await (const { choices: deltas } of await openai.chat.completions.create({ ...body, stream: true }))
      for (const { index, delta } of deltas) texts[index] += delta.content ?? "";
    // biome-ignore lint/suspicious/noExplicitAny: as above
    expect(texts).toEqual(choices.map(({ message }: any) => message.content));
  });

  test("choices, and prompts, are answered at once", async () => {
    const body = { model: MODEL, max_tokens: 300, temperature: 1, seed: 3, n: 4 };
    const inOrder: number[] = [];
    const stream = await openai.chat.completions.create({ ...body, messages, stream: true });
    for await (const { choices } of stream) for (const { index } of choices) inOrder.push(index);
    expect(inOrder.indexOf(3)).toBeLessThan(inOrder.lastIndexOf(0));
    const texts = openai.completions.create({ ...body, max_tokens: 300, n: 2, prompt: ["Once", "Twice"] });
    await until(() => model.pending === 4);
    const { choices, usage } = await texts;
    const [alone] = (await openai.completions.create({ ...body, max_tokens: 300, n: 1, prompt: "Twice" }))
      .choices;
    expect(choices[2].text).toBe(alone.text);
    expect(usage.prompt_tokens).toBe(9);
  });

  test("log probabilities of each token and of the likeliest ones", async () => {
    const body = { model: MODEL, messages, max_tokens: 6, logprobs: true, top_logprobs: 3 };
    const { choices } = await openai.chat.completions.create(body);
    const { content } = choices[0].logprobs;
    expect(content).toHaveLength(6);
    for (const { token, logprob, bytes, top_logprobs } of content) {
      expect(top_logprobs).toHaveLength(3);
      expect(top_logprobs[0]).toEqual({ token, logprob, bytes });
      expect(logprob).toBeLessThanOrEqual(0);
      expect(top_logprobs[2].logprob).toBeLessThanOrEqual(top_logprobs[1].logprob);
    }
    const streamed: unknown[] = [];
    for await (const chunk of await openai.chat.completions.create({ ...body, stream: true }))
      streamed.push(...(chunk.choices[0]?.logprobs?.content ?? []));
    expect(streamed).toEqual(content);
  });

  test("completions: texts, tokens, echo with log probabilities, a stream", async () => {
    const base = { model: MODEL, max_tokens: 5 };
    const tokens = [...(await model.encode("Once"))];
    const texts = await openai.completions.create({ ...base, prompt: ["Once", "Twice"], n: 2 });
    // biome-ignore lint/suspicious/noExplicitAny: as above
    expect(texts.choices.map(({ index }: any) => index)).toEqual([0, 1, 2, 3]);
    expect(texts.usage).toMatchObject({ prompt_tokens: 9, completion_tokens: 20 });
    const ofTokens = await openai.completions.create({ ...base, prompt: tokens });
    expect(ofTokens.choices[0].text).toBe(texts.choices[0].text);
    const echo = await openai.completions.create({ ...base, prompt: "Once", echo: true, logprobs: 2 });
    const { text, logprobs } = echo.choices[0];
    expect(text).toBe(`Once${texts.choices[0].text}`);
    expect(logprobs.tokens.join("")).toBe(text);
    expect(logprobs.tokens).toHaveLength(9);
    expect(logprobs.text_offset.slice(0, 5)).toEqual([0, 1, 2, 3, 4]);
    const scores = [...(await model.score("Once"))];
    expect(logprobs.token_logprobs.slice(0, 4)).toEqual([null, ...scores]);
    const scored = await openai.completions.create({
      model: MODEL,
      prompt: "Once",
      echo: true,
      logprobs: 0,
      max_tokens: 0,
    });
    expect(scored.choices[0]).toMatchObject({ text: "Once", finish_reason: "length" });
    let streamed = "";
    for await (const chunk of await openai.completions.create({ ...base, prompt: "Once", stream: true }))
      streamed += chunk.choices[0]?.text ?? "";
    expect(streamed).toBe(texts.choices[0].text);
  });

  test("a stream that is broken off stops the model", async () => {
    const stream = await openai.chat.completions.create({ ...long, stream: true });
    let chunks = 0;
    for await (const _ of stream) if (++chunks === 3) break;
    await until(() => model.pending === 0);
    const stop = new AbortController();
    const whole = openai.chat.completions.create(long, { signal: stop.signal });
    await until(() => model.pending > 0);
    stop.abort();
    await expect(whole).rejects.toThrow(/abort/i);
    await until(() => model.pending === 0);
  });

  test("sixteen at once are all answered", async () => {
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, seed) =>
        openai.chat.completions.create({ model: MODEL, messages, max_tokens: 10, temperature: 2, seed }),
      ),
    );
    for (const { choices, usage } of answers) {
      expect(choices).toHaveLength(1);
      expect(usage.completion_tokens).toBeGreaterThan(0);
    }
  });

  test("the library answers as a model too", async () => {
    const body = {
      model: "mneme-ask",
      messages: [{ role: "user", content: "How are posting lists pruned?" }],
    };
    const { choices } = await openai.chat.completions.create(body);
    expect(choices[0].message.content).toMatch(/pruned[\s\S]*\[1\] spann\.md, line 1/);
  });

  const user = (content: string) => [{ role: "user", content }];
  test.each([
    ["an unknown model", { model: "gpt-4o", messages }, 404, "model_not_found", "model"],
    [
      "a long context",
      { model: MODEL, messages: user("x".repeat(2000)) },
      400,
      "context_length_exceeded",
      "messages",
    ],
    [
      "a long context in a stream",
      { model: MODEL, messages: user("x".repeat(2000)), stream: true },
      400,
      "context_length_exceeded",
      "messages",
    ],
    ["no messages", { model: MODEL, messages: [] }, 400, "ARGUMENT", "messages"],
    [
      "a picture",
      { model: MODEL, messages: [{ role: "user", content: [{ type: "image_url" }] }] },
      400,
      "UNSUPPORTED",
      "messages",
    ],
    ["a temperature", { model: MODEL, messages, temperature: 3 }, 400, "ARGUMENT", "temperature"],
    ["too many choices", { model: MODEL, messages, n: 5 }, 400, "ARGUMENT", "n"],
    ["choices of the library", { model: "mneme-ask", messages, n: 2 }, 400, "ARGUMENT", "n"],
    ["biased tokens", { model: MODEL, messages, logit_bias: { 5: 1 } }, 400, "ARGUMENT", "logit_bias"],
    ["likeliest tokens alone", { model: MODEL, messages, top_logprobs: 2 }, 400, "ARGUMENT", "top_logprobs"],
    [
      "functions of old",
      { model: MODEL, messages, functions: [{ name: "f" }] },
      400,
      "ARGUMENT",
      "functions",
    ],
  ])("%s is an error of the client", async (_, body, status, code, param) => {
    const failed = openai.chat.completions.create(body);
    await expect(failed).rejects.toMatchObject({ status, code, param, type: "invalid_request_error" });
  });

  test.each([
    ["", "empty_prompt"],
    [[], "empty_prompt"],
    ["x".repeat(2000), "context_length_exceeded"],
    [[999_999], "RANGE"],
  ])("the prompt %j", async (prompt, code) => {
    const failed = openai.completions.create({ model: MODEL, prompt });
    await expect(failed).rejects.toMatchObject({ status: 400, code, param: "prompt" });
  });

  test.each([
    ["suffix", "and so on"],
    ["best_of", 3],
    ["logit_bias", { 5: -1 }],
  ])("completions say that they know no %s", async (param, value) => {
    const failed = openai.completions.create({ model: MODEL, prompt: "Once", [param]: value });
    await expect(failed).rejects.toMatchObject({ status: 400, code: "ARGUMENT", param });
  });

  describe("shaped answers", () => {
    const schema = {
      type: "object",
      properties: { size: { type: "integer" }, unit: { enum: ["MB", "GB"] } },
      required: ["size", "unit"],
      additionalProperties: false,
    };

    test("follow a JSON schema, or are at least JSON", async () => {
      const create = async (response_format: object): Promise<Record<string, unknown>> => {
        const body = { model: MODEL, messages, max_tokens: 400, response_format, temperature: 1, seed: 4 };
        const { choices } = await openai.chat.completions.create(body);
        expect(choices[0].finish_reason).toBe("stop");
        return JSON.parse(choices[0].message.content);
      };
      const shaped = await create({ type: "json_schema", json_schema: { name: "size", schema } });
      expect(Object.keys(shaped)).toEqual(["size", "unit"]);
      expect(Number.isInteger(shaped.size)).toBe(true);
      for (const format of [{ type: "json_object" }, { type: "json_schema", json_schema: { name: "any" } }])
        expect(typeof (await create(format))).toBe("object");
    });

    const tools = [{ type: "function", function: { name: "set_limit", parameters: schema } }];

    test("call no tools but those that are allowed", async () => {
      const named = (name: string) => ({ type: "function", function: { name } });
      const both = [...tools, { type: "function", function: { name: "unset_limit" } }];
      for (const name of ["set_limit", "unset_limit"]) {
        const allowed_tools = { mode: "required", tools: [named(name)] };
        const choice = { type: "allowed_tools", allowed_tools };
        const body = { model: MODEL, messages, tools: both, tool_choice: choice, max_tokens: 400 };
        const { choices } = await openai.chat.completions.create(body);
        expect(choices[0].message.tool_calls[0].function.name).toBe(name);
      }
      const choice = { type: "allowed_tools", allowed_tools: { mode: "auto", tools: [named("none")] } };
      const failed = openai.chat.completions.create({ model: MODEL, messages, tools, tool_choice: choice });
      await expect(failed).rejects.toMatchObject({ status: 400, param: "tool_choice" });
    });

    test("call tools, whole and in a stream", async () => {
      const choice = { type: "function", function: { name: "set_limit" } };
      const body = { model: MODEL, messages, tools, tool_choice: choice, max_tokens: 400 };
      const { choices } = await openai.chat.completions.create(body);
      expect(choices[0].finish_reason).toBe("tool_calls");
      const [call] = choices[0].message.tool_calls;
      expect(call).toMatchObject({ type: "function", function: { name: "set_limit" } });
      expect(Object.keys(JSON.parse(call.function.arguments))).toEqual(["size", "unit"]);
      const streamed = await openai.chat.completions.stream(body).finalChatCompletion();
      expect(streamed.choices[0].message.tool_calls[0].function.name).toBe("set_limit");
      const result = [
        ...messages,
        { role: "assistant", content: null, tool_calls: [call] },
        { role: "tool", tool_call_id: call.id, content: "done" },
      ];
      const after = await openai.chat.completions.create({
        ...body,
        messages: result,
        tool_choice: "none",
        max_tokens: 4,
      });
      expect(after.choices[0].message.tool_calls).toBeUndefined();
    });
  });
});

test("without a language model there are no completions", async () => {
  const bare = createServer(memory);
  const init = (body: object) => ({
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await bare.app.request("/v1/completions", init({ prompt: "x", model: "any" }));
  expect(answer.status).toBe(404);
  expect(await answer.json()).toMatchObject({
    error: { type: "invalid_request_error", code: "model_not_found", param: "model" },
  });
  await bare.close();
});
