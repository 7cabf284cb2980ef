/** A model on a thread of its own: the same text as on this one, cancelled, lost, closed, and nothing left behind. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeModelFolder } from "../../test/support/model-folder.ts";
import { load } from "./load.ts";
import { loadOnThread, type ModelThread } from "./thread.ts";
import type { ChatPiece } from "./tools.ts";

const scratch = mkdtempSync(join(tmpdir(), "mneme-thread-"));
const folder = writeModelFolder(join(scratch, "tiny"), { context: 4096 });
let model: ModelThread;
beforeAll(async () => {
  model = await loadOnThread(folder, { workers: 0 });
});
afterAll(async () => {
  await model[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

async function all(pieces: AsyncIterable<ChatPiece>): Promise<{ text: string; done: ChatPiece | undefined }> {
  let text = "";
  let done: ChatPiece | undefined;
  for await (const piece of pieces) {
    if (piece.type === "text") text += piece.text;
    else done = piece;
  }
  return { text, done };
}

const long = { maxTokens: 4000, temperature: 1, seed: 3 } as const;

test("says what the model on this thread says", async () => {
  await using here = await load(folder, { workers: 0 });
  const messages = [{ role: "user", content: "Hello" }];
  expect(model.name).toBe("tiny");
  expect(model.config).toEqual(here.config);
  expect(await model.chatPrompt(messages)).toBe(here.chatPrompt(messages));
  expect(await model.encode("héllo")).toEqual(here.encode("héllo"));
  expect(await model.decode(here.encode("héllo"))).toBe("héllo");
  expect(await model.score("some text")).toEqual(await here.score("some text"));
  for (const options of [{ maxTokens: 20 }, { ...long, maxTokens: 200, logprobs: 2, stop: ["e"] }]) {
    expect(await all(model.generate("Once", options))).toEqual(await all(here.generate("Once", options)));
    expect(await all(model.chat(messages, options))).toEqual(await all(here.chat(messages, options)));
  }
});

test("pieces come while the model is at work", async () => {
  let pieces = 0;
  for await (const piece of model.generate("Once", long)) {
    if (piece.type === "text") pieces++;
    if (pieces === 1) expect(model.pending).toBe(1);
  }
  expect(pieces).toBeGreaterThan(2);
});

test("sixteen at once are all answered, each with its own text", async () => {
  const seeds = Array.from({ length: 16 }, (_, i) => i);
  const answers = await Promise.all(
    seeds.map((seed) => all(model.generate(`Prompt ${seed}`, { maxTokens: 12, temperature: 20, seed }))),
  );
  for (const seed of seeds) {
    const alone = await all(model.generate(`Prompt ${seed}`, { maxTokens: 12, temperature: 20, seed }));
    expect(answers[seed]!.text).toBe(alone.text);
  }
  expect(model.pending).toBe(0);
});

describe("ends early", () => {
  test("by its signal, also while it waits for its turn", async () => {
    const stop = new AbortController();
    const running = model.generate("Once", { ...long, signal: stop.signal });
    const first = running.next();
    const waiting = all(model.generate("Twice", { ...long, signal: stop.signal }));
    await first;
    stop.abort();
    await expect(running.next()).rejects.toMatchObject({ code: "CANCELLED" });
    await expect(waiting).rejects.toMatchObject({ code: "CANCELLED" });
    await expect(model.generate("x", { signal: stop.signal }).next()).rejects.toMatchObject({
      code: "CANCELLED",
    });
    expect(model.pending).toBe(0);
  });

  test("by a consumer that stops", async () => {
    for await (const piece of model.generate("Once", long)) if (piece.type === "text") break;
    expect(model.pending).toBe(0);
    expect((await all(model.generate("Once", { maxTokens: 1 }))).done).toMatchObject({ finish: "length" });
  });
});

describe("errors keep their codes", () => {
  test.each([
    ["", {}, "ARGUMENT", /prompt is empty/],
    ["x".repeat(5000), {}, "RANGE", /5000 tokens, the model's context 4096/],
    ["x", { topP: 2 }, "RANGE", /topP is 2/],
  ])("%#", async (prompt, options, code, message) => {
    const failed = all(model.generate(prompt, options));
    await expect(failed).rejects.toMatchObject({
      name: "MnemeError",
      code,
      message: expect.stringMatching(message),
    });
  });

  test("what cannot be sent to a thread is refused", async () => {
    const options = { stop: [(() => {}) as unknown as string] };
    await expect(all(model.generate("x", options))).rejects.toMatchObject({ code: "ARGUMENT" });
  });

  test("of a folder that is no model", async () => {
    await expect(loadOnThread(join(scratch, "nowhere"))).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: expect.stringContaining("nowhere"),
    });
  });
});

test("a closed model says so, and so do its calls under way", async () => {
  const closed = await loadOnThread(folder, { workers: 0 });
  const running = all(closed.generate("Once", long));
  const waiting = all(closed.generate("Twice", long));
  const ended = Promise.allSettled([running, waiting]);
  await closed[Symbol.asyncDispose]();
  for (const end of await ended) expect(end).toMatchObject({ reason: { code: "DISPOSED" } });
  await expect(closed.encode("x")).rejects.toMatchObject({ code: "DISPOSED" });
  await closed[Symbol.asyncDispose]();
});

test("a thread that dies ends all calls with an error that says so", async () => {
  const doomed = await loadOnThread(folder, { workers: 0, heapMb: 24 });
  const ended = Promise.allSettled([all(doomed.generate("Once", long)), doomed.encode("a ".repeat(4e6))]);
  for (const end of await ended)
    expect(end).toMatchObject({
      reason: { code: "INTERNAL", message: expect.stringMatching(/thread is lost.*memory/) },
    });
  expect(doomed.pending).toBe(0);
  await expect(doomed.encode("x")).rejects.toMatchObject({ code: "INTERNAL" });
  await doomed[Symbol.asyncDispose]();
});

test("a thousand calls leave nothing behind", async () => {
  const handles = (): number => process.getActiveResourcesInfo().length;
  const rounds = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const stop = new AbortController();
      if (i % 3 === 0) await model.encode(`text ${i}`);
      else if (i % 3 === 1) await all(model.generate("Hi", { maxTokens: 1, signal: stop.signal }));
      else for await (const _ of model.generate("Hi", { maxTokens: 50, signal: stop.signal })) break;
    }
  };
  await rounds(300);
  globalThis.gc?.();
  const [before, open] = [process.memoryUsage().heapUsed, handles()];
  await rounds(1000);
  globalThis.gc?.();
  const grown = process.memoryUsage().heapUsed - before;
  expect(model.pending).toBe(0);
  expect(handles()).toBeLessThanOrEqual(open + 1);
  expect(model.bytes.cache).toBeLessThan(1 << 20);
  if (globalThis.gc) expect(grown).toBeLessThan(2 << 20);
});
