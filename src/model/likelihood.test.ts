/** Likelihood of questions against the scores of whole texts; by the bundled model, which passage answers; refusals. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeModelFolder } from "../../test/support/model-folder.ts";
import { load } from "./load.ts";
import type { Model } from "./model.ts";
import { loadOnThread } from "./thread.ts";

const CONTEXT = 200;
const scratch = mkdtempSync(join(tmpdir(), "mneme-likelihood-"));
const folder = writeModelFolder(join(scratch, "tiny"), { context: CONTEXT, seed: 5 });
const options = { workers: 0, weightCache: false, precision: "bf16" } as const;
let model: Model;
beforeAll(async () => {
  model = await load(folder, options);
});
afterAll(async () => {
  await model[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

/** By the score of all that is read, from the first token on. */
async function slow(passage: string, question: string, by = model): Promise<number> {
  const head = by.encode(`<|bos|><|user|>\n[1] ${passage}\n\nQuestion:`);
  const tail = by.encode(` ${question}`);
  const scores = await by.score([...head, ...tail]);
  return scores.slice(head.length - 1).reduce((sum, score) => sum + score, 0) / tail.length;
}

describe("likelihood", () => {
  const words = fc.stringMatching(/^[a-z]{1,8}( [a-zé?]{1,8}){0,6}$/);

  test("is the mean score of a question's tokens behind the passage, whatever else is asked of it", async () => {
    await fc.assert(
      fc.asyncProperty(words, fc.array(words, { minLength: 1, maxLength: 4 }), async (passage, questions) => {
        const found = await model.likelihood(passage, questions);
        expect(found.length).toBe(questions.length);
        for (const [i, question] of questions.entries())
          expect(found[i]! / (await slow(passage, question))).toBeCloseTo(1, 4);
      }),
      { seed: 11, numRuns: 25 },
    );
  });

  test("of questions longer than are scored at once, and of none", async () => {
    const question =
      "what is said of posting lists that are pruned by their blocks, and of what they hold ".repeat(2);
    const [found] = await model.likelihood("It.", [question.slice(0, 150)]);
    expect(found! / (await slow("It.", question.slice(0, 150).trim()))).toBeCloseTo(1, 4);
    expect(await model.likelihood("A passage.", [])).toEqual(new Float64Array(0));
  });

  test("is the same on a thread", async () => {
    await using other = await loadOnThread(folder, options);
    const questions = ["who?", "what is it?"];
    expect(await other.likelihood("It is a test.", questions)).toEqual(
      await model.likelihood("It is a test.", questions),
    );
  });

  test("tells which passage answers, by the bundled model", async () => {
    await using lm = await load();
    const passages = [
      "Uploads are limited to 40 MB. Larger files are split by the client.",
      "The cache is emptied at midnight. Entries that were read during the day are kept.",
      "Passwords are hashed with Argon2. A user who forgets one asks for a link by mail.",
    ];
    const questions = [
      "What is the maximum size of an upload?",
      "When is the cache emptied?",
      "How are passwords hashed?",
    ];
    const all: Float64Array[] = [];
    for (const passage of passages) all.push(await lm.likelihood(passage, questions));
    // more than one step reads
    const long = `${passages.join(" ")} `.repeat(20);
    const [found] = await lm.likelihood(long, [questions[1]!]);
    expect(found! / (await slow(long, questions[1]!, lm))).toBeCloseTo(1, 2);
    for (const question of questions.keys()) {
      const ofIt = all.map((found) => found[question]!);
      expect(ofIt.indexOf(Math.max(...ofIt))).toBe(question);
    }
  });

  test("refuses empty questions, more than the context holds, and who has left", async () => {
    await expect(model.likelihood("a", ["b", "  "])).rejects.toMatchObject({ code: "ARGUMENT" });
    await expect(model.likelihood("a".repeat(CONTEXT), ["b"])).rejects.toMatchObject({
      code: "RANGE",
      message: expect.stringMatching(/22\d tokens, the model's context is 200/),
    });
    const stop = new AbortController();
    stop.abort();
    await expect(model.likelihood("a", ["b"], { signal: stop.signal })).rejects.toMatchObject({
      code: "CANCELLED",
    });
    const closed = await load(folder, options);
    await closed[Symbol.asyncDispose]();
    await expect(closed.likelihood("a", ["b"])).rejects.toMatchObject({ code: "DISPOSED" });
  });
});
