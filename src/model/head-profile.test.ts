/** A model's own profile of its heads, and the cache that is made of it. What the profile is by is tested with the recipes. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { writeModelFolder } from "../../test/support/model-folder.ts";
import { duo, maskOfGates } from "../cache/index.ts";
import { kernels } from "../kernels/index.ts";
import type { Piece } from "./generate.ts";
import { load } from "./load.ts";

const scratch = mkdtempSync(join(tmpdir(), "mneme-head-profile-"));
const folder = writeModelFolder(join(scratch, "tiny"), { context: 2048, config: { head_dim: 32 } });
const options = { workers: 0, weightCache: false } as const;
const prompt = "The library holds every card that was ever written. ".repeat(12);
const kept = { sinks: 4, recent: 16 } as const;
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function written(pieces: AsyncIterable<Piece>): Promise<{ text: string; cacheBytes: number }> {
  let text = "";
  for await (const piece of pieces) {
    if (piece.type === "done") return { text, cacheBytes: piece.cacheBytes };
    text += piece.text;
  }
  throw new Error("no end");
}

test("a profile ranks all heads; a cache whose heads all retrieve by it answers as the whole one", async () => {
  await using model = await load(folder, options);
  const { layers, kvHeads } = model.config;
  const told: number[] = [];
  await model.headProfile([{ prompt, answer: "every card" }], { ...kept, rounds: 1 }); // grows what the decoder works in
  const before = kernels().arena.bytes;
  const profile = await model.headProfile([{ prompt, answer: "every card" }], {
    ...kept,
    rounds: 2,
    onProgress: (done) => told.push(done),
  });
  const ranks = Array.from({ length: layers * kvHeads }, (_, i) => Math.fround(i / (layers * kvHeads)));
  expect([...profile].sort()).toEqual(ranks);
  expect(told.at(-1)).toBe(1);
  expect(kernels().arena.bytes).toBe(before);
  const withShare = (share: number) =>
    written(model.generate(prompt, { maxTokens: 8, cache: duo(maskOfGates(profile, share), kept) }));
  const [whole, all, half] = [
    await written(model.generate(prompt, { maxTokens: 8 })),
    await withShare(1),
    await withShare(0.5),
  ];
  expect(all.text).toBe(whole.text);
  expect(half.cacheBytes).toBeLessThan(0.8 * all.cacheBytes);
});

test("texts too short to say anything are refused, one under way can be stopped, a closed model makes none", async () => {
  const model = await load(folder, options);
  const answered = [{ prompt, answer: "every card" }];
  await expect(model.headProfile([{ prompt: "short", answer: "a" }], kept)).rejects.toMatchObject({
    code: "INSUFFICIENT_DATA",
  });
  const stop = new AbortController();
  const onProgress = (): void => stop.abort();
  await expect(
    model.headProfile(answered, { ...kept, rounds: 2, signal: stop.signal, onProgress }),
  ).rejects.toMatchObject({ code: "CANCELLED" });
  await model[Symbol.asyncDispose]();
  await expect(model.headProfile(answered, kept)).rejects.toMatchObject({ code: "DISPOSED" });
});
