/** N-grams that models of random weights write among the tokens of a corpus, beside a beam search that is slow and obvious. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeModelFolder } from "../../../test/support/model-folder.ts";
import { TokenIndex } from "../../index/text/token-index/token-index.ts";
import { load } from "../load.ts";
import type { Model } from "../model.ts";
import { loadOnThread } from "../thread.ts";
import { NEUTRAL_QUESTIONS } from "./calibrate.ts";
import { queryNGrams } from "./query-n-grams.ts";

const scratch = mkdtempSync(join(tmpdir(), "mneme-substrings-"));
const texts = [
  { title: "Posting lists", text: "Posting lists are pruned by a bound." },
  { title: "Ports", text: "The port opens at six and closes at ten." },
  { title: "Poems", text: "A port in a storm, a poem in a book." },
  { title: "", text: "Nothing has a title here." },
];
const QUESTION = "When does the port open?";
const PROMPTS = { passage: "About {question}:", title: "Title of {question}:" };
let model: Model;

beforeAll(async () => {
  model = await load(writeModelFolder(join(scratch, "tiny"), { context: 512 }), {
    workers: 0,
    weightCache: false,
  });
});
afterAll(async () => {
  await model[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

const documentsOf = (): number[][] =>
  texts.map(({ title, text }) => [...model.encode(title), model.config.vocabulary, ...model.encode(text)]);

const occurs = (documents: readonly (readonly number[])[], run: readonly number[]): boolean =>
  documents.some((document) => document.some((_, at) => run.every((token, i) => document[at + i] === token)));

/** How often each of the model's tokens follows a run. */
function followersOf(documents: readonly (readonly number[])[], run: readonly number[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const document of documents)
    for (let at = 0; at + run.length < document.length; at++) {
      const next = document[at + run.length]!;
      if (next < model.config.vocabulary && run.every((token, i) => document[at + i] === token))
        counts.set(next, (counts.get(next) ?? 0) + 1);
    }
  return counts;
}

/** Log probabilities of all tokens behind a run, read anew. */
async function behind(
  prompt: readonly number[],
  run: readonly number[],
  tokens: readonly number[],
): Promise<number[]> {
  const scores: number[] = [];
  for (const token of tokens) scores.push((await model.score([...prompt, ...run, token])).at(-1)!);
  return scores;
}

/** Beam search by the definition: every run is scored from its first token, what may follow is looked for in the documents. */
async function slowBeams(
  prompt: readonly number[],
  beams: number,
  maxTokens: number,
): Promise<Map<string, number>> {
  const documents = documentsOf();
  const vocabulary = [...new Set(documents.flat())].filter((token) => token < model.config.vocabulary);
  const all = new Map<string, number>();
  let going: { run: number[]; score: number }[] = [{ run: [], score: 0 }];
  for (let step = 0; step < maxTokens; step++) {
    const next: { run: number[]; score: number }[] = [];
    for (const { run, score } of going) {
      const allowed = vocabulary.filter((token) => occurs(documents, [...run, token]));
      const scores = await behind(prompt, run, allowed);
      for (const [i, token] of allowed.entries())
        next.push({ run: [...run, token], score: score + scores[i]! });
    }
    going = next.sort((a, b) => b.score - a.score).slice(0, beams);
    for (const { run, score } of going) all.set(run.join(" "), score);
  }
  return all;
}

describe("n-grams of a model", () => {
  test("are those of a beam search by the definition", async () => {
    const bytes = await model.indexTexts(texts);
    const paper = { calibrate: false, rarity: 0, settled: 0, words: false };
    const options = { ...paper, beams: 3, maxTokens: 4, titleTokens: 0, ownNGrams: false, prompts: PROMPTS };
    const { nGrams } = await model.nGrams(QUESTION, bytes, options);
    const wanted = await slowBeams(model.encode(`About ${QUESTION}:`, true), 3, 4);
    expect(new Map(nGrams.map(({ tokens }) => [tokens.join(" "), true]))).toEqual(
      new Map([...wanted.keys()].map((key) => [key, true])),
    );
    for (const { tokens, logprob } of nGrams) expect(logprob).toBeCloseTo(wanted.get(tokens.join(" "))!, 1);
  }, 30_000);

  test("calibrated, are likely by how much the question makes of what follows in the corpus", async () => {
    const bytes = await model.indexTexts(texts);
    const options = {
      beams: 5,
      maxTokens: 3,
      titleTokens: 0,
      ownNGrams: false,
      settled: 0,
      prompts: PROMPTS,
    };
    const { nGrams } = await model.nGrams(QUESTION, bytes, options);
    const asked = model.encode(`About ${QUESTION}:`, true);
    const neutral = NEUTRAL_QUESTIONS.map((question) => model.encode(`About ${question}:`, true));
    const documents = documentsOf();
    for (const { tokens, logprob } of nGrams.filter((_, i) => i % 4 === 0)) {
      let wanted = 0;
      for (let i = 0; i < tokens.length; i++) {
        const run = tokens.slice(0, i);
        const counts = followersOf(documents, run);
        const followers = [...counts.keys()];
        const own = await behind(asked, run, followers);
        // the first token beside the mean of all neutral questions, later ones beside the first question
        const priors = await Promise.all(
          (i === 0 ? neutral : neutral.slice(0, 1)).map((prompt) => behind(prompt, run, followers)),
        );
        const weights = followers.map((token, f) => {
          const prior = priors.reduce((sum, row) => sum + Math.exp(row[f]!), 0) / priors.length;
          return (counts.get(token)! * Math.exp(own[f]!)) / (prior + (i === 0 ? 1e-12 : 0));
        });
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        wanted += Math.log(weights[followers.indexOf(tokens[i]!)]! / total);
      }
      expect(Math.abs(logprob - wanted)).toBeLessThan(0.5 + 0.02 * Math.abs(wanted));
    }
  }, 60_000);

  test("occur in the corpus, every one; titles are whole", async () => {
    const bytes = await model.indexTexts(texts);
    const documents = documentsOf();
    for (const question of [QUESTION, "poems", "What is pruned?", "zzz"]) {
      const { nGrams, unigrams } = await model.nGrams(question, bytes, {
        prompts: PROMPTS,
        unigrams: 10,
        titleTokens: 15,
      });
      expect(nGrams.length).toBeGreaterThan(15);
      for (const { tokens, logprob } of nGrams) {
        expect(occurs(documents, tokens)).toBe(true);
        expect(logprob).toBeLessThanOrEqual(1e-4);
      }
      expect(unigrams.tokens).toHaveLength(10);
      expect([...unigrams.logprobs]).toEqual([...unigrams.logprobs].sort((a, b) => b - a));
    }
  }, 30_000);

  test("of a title pass end where a title ends", async () => {
    const bytes = await model.indexTexts(texts);
    const without = await model.nGrams("zzz", bytes, { ownNGrams: false, prompts: PROMPTS });
    const both = await model.nGrams("zzz", bytes, {
      ownNGrams: false,
      prompts: PROMPTS,
      titleTokens: 13,
      beams: 15,
    });
    const titles = both.nGrams.slice(without.nGrams.length).map(({ tokens }) => model.decode(tokens));
    expect(titles.sort()).toEqual(["Poems", "Ports", "Posting lists"]);
  }, 30_000);

  test("hold the question's own, scored as the model scores a text", async () => {
    const bytes = await model.indexTexts(texts);
    const { nGrams } = await model.nGrams("the port", bytes, {
      titleTokens: 0,
      prompts: PROMPTS,
      calibrate: false,
    });
    const run = model.encode(" port");
    const found = nGrams.find(({ tokens }) => tokens.join(" ") === run.join(" "));
    const prompt = model.encode("About the port:", true);
    const scores = await model.score([...prompt, ...run]);
    const wanted = scores.slice(prompt.length - 1).reduce((sum, score) => sum + score, 0);
    expect(found!.logprob).toBeCloseTo(wanted, 1);
  }, 30_000);

  test("are the same from a model on a thread of its own, over the same memory", async () => {
    await using thread = await loadOnThread(join(scratch, "tiny"), { workers: 0, weightCache: false });
    const bytes = await thread.indexTexts(texts);
    expect(bytes.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(TokenIndex.open(bytes).documents).toBe(texts.length);
    const options = { beams: 4, maxTokens: 3, titleTokens: 8, prompts: PROMPTS };
    const there = await thread.nGrams(QUESTION, bytes, options);
    const here = await model.nGrams(QUESTION, bytes, options);
    expect(there.nGrams).toEqual(here.nGrams);
  }, 30_000);

  test("are refused of bad options, of an empty question, of another model's index, and once they are cancelled", async () => {
    const bytes = await model.indexTexts(texts);
    await expect(model.nGrams(" ", bytes)).rejects.toMatchObject({ code: "ARGUMENT" });
    await expect(model.nGrams("a", bytes, { beams: 0 })).rejects.toMatchObject({ code: "RANGE" });
    await expect(model.nGrams("a", bytes, { maxTokens: 0 })).rejects.toMatchObject({ code: "RANGE" });
    await expect(model.nGrams("a".repeat(600), bytes)).rejects.toMatchObject({ code: "RANGE" });
    const foreign = TokenIndex.build([[1, 2]], 5).bytes;
    await expect(model.nGrams("a", foreign)).rejects.toMatchObject({ code: "VERSION" });
    await expect(model.nGrams("a", bytes.slice(8))).rejects.toMatchObject({ code: "FORMAT" });
    await expect(model.indexTexts([])).rejects.toMatchObject({ code: "RANGE" });
    const signal = AbortSignal.abort();
    await expect(model.nGrams("a", bytes, { signal })).rejects.toMatchObject({ code: "CANCELLED" });
  });
});

test("a question's own n-grams are of one to three words, in three ways of writing", () => {
  const found = queryNGrams("When does BM25 win?");
  for (const wanted of ["BM25", " bm25", " Does", "does bm25 win", " Does bm25 win", " When does BM25"])
    expect(found).toContain(wanted);
  expect(found.some((text) => text.includes("?"))).toBe(false);
  expect(queryNGrams("... !")).toEqual([]);
});
