/** A policy that a model is loaded with governs the requests that name none. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { writeModelFolder } from "../../test/support/model-folder.ts";
import { snapKv } from "../cache/index.ts";
import type { Piece } from "./generate.ts";
import { load } from "./load.ts";
import type { Model } from "./model.ts";
import { loadOnThread } from "./thread.ts";

const scratch = mkdtempSync(join(tmpdir(), "mneme-load-policy-"));
const folder = writeModelFolder(join(scratch, "tiny"), { context: 1024, config: { head_dim: 32 } });
const options = { workers: 0, weightCache: false } as const;
const prompt = "The library holds every card that was ever written. ".repeat(6);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

type Done = Extract<Piece, { type: "done" }>;

async function all(pieces: AsyncIterable<Piece>): Promise<{ text: string; done: Done }> {
  let text = "";
  for await (const piece of pieces) {
    if (piece.type === "done") return { text, done: piece };
    text += piece.text;
  }
  throw new Error("no end");
}

test("as if each request named it; one that names another has that", async () => {
  await using plain = await load(folder, options);
  await using governed = await load(folder, { ...options, cache: "snapkv:64+affine4" });
  const of = (model: Model, cache?: string) =>
    all(model.generate(prompt, { maxTokens: 12, ...(cache ? { cache } : {}) }));
  const named = await of(plain, "snapkv:64+affine4");
  expect(await of(governed)).toEqual(named);
  expect(named.done.missed).toMatch(/policy .* has a cache of its own/);
  expect(await of(governed, "window:64")).toEqual(await of(plain, "window:64"));
  for await (const { text, done } of governed.batch([{ prompt, options: { maxTokens: 12 } }]))
    expect({ text, done }).toEqual(named);
});

test("a text that is read under a name is kept whole all the same", async () => {
  await using model = await load(folder, { ...options, cache: snapKv({ budget: { share: 1 / 4 } }) });
  expect(await model.read(prompt, "cards")).toBe(model.encode(prompt, true).length);
});

test("on a thread by its name", async () => {
  await using thread = await loadOnThread(folder, { ...options, cache: "affine4" });
  const { done } = await all(thread.generate(prompt, { maxTokens: 2 }));
  expect(done.missed).toMatch(/affine4 has a cache of its own/);
  await expect(loadOnThread(folder, { ...options, cache: "nothing" })).rejects.toMatchObject({
    code: "ARGUMENT",
    message: expect.stringMatching(/no policy "nothing"/),
  });
});

test("one that the model cannot have is refused when it is loaded", async () => {
  const config = { architectures: ["MistralForCausalLM"], sliding_window: 64 };
  const windowed = writeModelFolder(join(scratch, "windowed"), { config });
  await expect(load(windowed, { ...options, cache: "snapkv:64" })).rejects.toMatchObject({
    code: "UNSUPPORTED",
    message: expect.stringMatching(/window of 64/),
  });
});
