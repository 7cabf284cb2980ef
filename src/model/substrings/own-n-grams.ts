/** A question's own n-grams as a model writes them, those that a corpus holds: one to three words in a row each. */
import type { PagedCache } from "../../cache/paged-cache.ts";
import { throwIfAborted } from "../../errors.ts";
import type { ScoredNGram } from "../../index/text/n-gram-weights.ts";
import type { TokenIndex } from "../../index/text/token-index/token-index.ts";
import { lowerBound } from "../../search-sorted.ts";
import { logSum } from "../sample.ts";
import { MOST_TILES, type Span, tilesOf } from "../step-tables.ts";
import { followingScores } from "./calibrate.ts";
import type { ReadPrompt } from "./corpus-beam.ts";
import { queryNGrams } from "./query-n-grams.ts";
import type { Writer } from "./writer.ts";

/** Tokens that are scored at once: each has a row of logits. */
const SCORED_AT_ONCE = 64;
/** Runs at most that are read to score them and what they begin with. */
const MOST_OWN = 128;

/** Runs of tokens with all their beginnings. */
class Trie {
  readonly runs: readonly (readonly number[])[];

  /** @param all runs; those that others begin with are read with them */
  constructor(all: readonly (readonly number[])[]) {
    const beginnings = new Set(
      all.flatMap((tokens) => tokens.slice(1).map((_, i) => tokens.slice(0, i + 1).join(" "))),
    );
    this.runs = all.filter((tokens) => tokens.length > 1 && !beginnings.has(tokens.join(" ")));
  }
}

/** The question's n-grams that occur, scored by the model behind the prompt, and beside a neutral one where there is one. */
export async function ownNGrams(
  writer: Writer,
  question: string,
  index: TokenIndex,
  prompt: ReadPrompt,
  neutral: ReadPrompt | undefined,
  signal: AbortSignal | undefined,
): Promise<ScoredNGram[]> {
  const all = new Map<string, number[]>();
  for (const text of queryNGrams(question)) {
    const tokens = writer.tokenizer.encode(text);
    if (tokens.length > 0 && tokens.length <= SCORED_AT_ONCE / 2 && index.count(tokens) > 0)
      all.set(tokens.join(" "), tokens);
  }
  const scorer = new OwnScorer(index, prompt, neutral);
  const { runs } = new Trie([...all.values()]);
  for (const group of grouped(runs.slice(0, MOST_OWN), neutral ? 2 : 1)) {
    throwIfAborted(signal, "n-grams");
    await writer.pause();
    scorer.read(writer, group);
  }
  return [...all.values()].flatMap((tokens) => {
    const logprob = scorer.logprobOf(tokens);
    return logprob === undefined ? [] : [{ tokens, logprob }];
  });
}

/** Tokens, ascending, and their scores. */
interface Following {
  readonly tokens: Uint32Array;
  readonly scores: Float32Array;
}

class OwnScorer {
  readonly #index: TokenIndex;
  readonly #prompts: readonly ReadPrompt[];
  /** By the tokens of a run. */
  readonly #logprobs = new Map<string, number>([["", 0]]);
  #first: Following | undefined;

  constructor(index: TokenIndex, prompt: ReadPrompt, neutral: ReadPrompt | undefined) {
    this.#index = index;
    this.#prompts = neutral ? [prompt, neutral] : [prompt];
  }

  /** Undefined where it was not read. */
  logprobOf(tokens: readonly number[]): number | undefined {
    if (tokens.length === 1) {
      const [prompt, neutral] = this.#prompts;
      this.#score([], tokens[0]!, prompt!.first, neutral?.first);
    }
    return this.#logprobs.get(tokens.join(" "));
  }

  /** Scores runs of a group and all that they begin with. */
  read({ decoder }: Writer, group: readonly (readonly number[])[]): void {
    const caches: PagedCache[] = [];
    const spans = this.#prompts.flatMap(({ cache }) =>
      group.map((tokens): Span => {
        const fork = cache.fork();
        caches.push(fork);
        return { tokens: tokens.slice(0, -1), cache: fork, logits: "all" };
      }),
    );
    try {
      const logits = decoder.step(spans);
      const row = (at: number): Float32Array =>
        logits.subarray(at * decoder.logitsStride, at * decoder.logitsStride + decoder.config.vocabulary);
      const rows = group.reduce((sum, { length }) => sum + length - 1, 0);
      let at = 0;
      for (const tokens of group) {
        this.logprobOf(tokens.slice(0, 1));
        for (let i = 1; i < tokens.length; i++, at++)
          this.#score(
            tokens.slice(0, i),
            tokens[i]!,
            row(at),
            this.#prompts.length > 1 ? row(rows + at) : undefined,
          );
      }
    } finally {
      for (const cache of caches) cache[Symbol.dispose]();
    }
  }

  #score(
    before: readonly number[],
    token: number,
    row: Float32Array,
    neutral: Float32Array | undefined,
  ): void {
    const key = [...before, token].join(" ");
    if (this.#logprobs.has(key)) return;
    const known = this.#logprobs.get(before.join(" "))!;
    this.#logprobs.set(key, known + this.#logprob(before, token, row, neutral));
  }

  #logprob(
    before: readonly number[],
    token: number,
    row: Float32Array,
    neutral: Float32Array | undefined,
  ): number {
    if (!neutral) return row[token]! - logSum(row);
    const { tokens, scores } = this.#behind(before, row, neutral);
    const place = lowerBound(tokens, token);
    return tokens[place] === token ? scores[place]! : Number.NEGATIVE_INFINITY;
  }

  /** What may follow a run, with its scores; of none, which all runs begin with, kept. */
  #behind(before: readonly number[], row: Float32Array, neutral: Float32Array): Following {
    if (before.length === 0 && this.#first) return this.#first;
    const following = this.#index.next(this.#index.find(before));
    const behind = { tokens: following.tokens, scores: followingScores(row, neutral, following) };
    if (before.length === 0) this.#first = behind;
    return behind;
  }
}

/** Runs whose tokens fit into one step. @param times that each is read */
function grouped(runs: readonly (readonly number[])[], times: number): (readonly number[])[][] {
  const groups: (readonly number[])[][] = [];
  let [rows, tiles] = [0, 0];
  for (const tokens of runs) {
    const own = tilesOf({ tokens }) * times;
    const taken = tokens.length * times;
    if (groups.length === 0 || rows + taken > SCORED_AT_ONCE || tiles + own > MOST_TILES) {
      groups.push([]);
      [rows, tiles] = [0, 0];
    }
    groups.at(-1)!.push(tokens);
    rows += taken;
    tiles += own;
  }
  return groups;
}
