/**
 * Beam search among runs of tokens that a corpus holds (Bevilacqua and others, Autoregressive Search Engines: Generating Substrings as
 * Document Identifiers, 2022). What does not follow somewhere is left out before the best are chosen, but their scores come from the
 * distribution over all tokens: where little may follow, that little is no likelier for it. Runs of all lengths count, not only the last.
 */
import type { PagedCache } from "../../cache/paged-cache.ts";
import { throwIfAborted } from "../../errors.ts";
import type { ScoredNGram } from "../../index/text/n-gram-weights.ts";
import type { FollowingTokens, TokenRange } from "../../index/text/token-index/token-index.ts";
import { TopK } from "../../index/top-k.ts";
import type { Decoder } from "../decoder.ts";

/** What may follow: of TokenIndex. */
export interface Follows {
  next(range: TokenRange): FollowingTokens;
}

export interface BeamSearch {
  readonly decoder: Decoder;
  readonly follows: Follows;
  /** Rows that the runs grow from. */
  readonly start: TokenRange;
  /** Runs that go on after each step, 1 to 64. */
  readonly beams: number;
  readonly maxTokens: number;
  /** Where given, only runs behind which this token, beyond the model's own, stands; the model ends them by one of `ends`. */
  readonly until?: { readonly token: number; readonly ends: readonly number[] };
  /** Between steps. */
  readonly pause: () => Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

export interface BeamOutcome {
  readonly nGrams: readonly ScoredNGram[];
  /** Of them asking what may follow. */
  readonly maskMs: number;
  readonly ms: number;
}

interface Beam {
  readonly tokens: readonly number[];
  readonly range: TokenRange;
  readonly score: number;
  readonly cache: PagedCache;
}

/** A run that may go on: the beam that it goes on from, and which of what follows. */
interface Next {
  readonly parent: number;
  readonly tokens: readonly number[];
  readonly range: TokenRange;
  readonly score: number;
}

/** More than follow any run: what numbers a candidate. */
const FOLLOWERS = 2 ** 16;

/**
 * @param prompt what was read, borrowed and left as it is. @param first logits behind it, borrowed until the first pause
 * @returns runs of all lengths, in the order of steps and of scores. @throws MnemeError CANCELLED
 */
export async function beamSearch(
  search: BeamSearch,
  prompt: PagedCache,
  first: Float32Array,
): Promise<BeamOutcome> {
  const { decoder, maxTokens, pause, signal } = search;
  const { vocabulary } = decoder.config;
  const steps = new Steps(search);
  let beams: Beam[] = [{ tokens: [], range: search.start, score: 0, cache: prompt.fork() }];
  let logits = first;
  let stride = vocabulary;
  try {
    for (let step = 0; ; step++) {
      throwIfAborted(signal, "n-grams");
      const next = steps.choose(
        beams,
        (row) => logits.subarray(row * stride, row * stride + vocabulary),
        step < maxTokens,
      );
      beams = advanced(beams, next);
      if (beams.length === 0) break;
      await pause();
      logits = decoder.step(beams.map(({ tokens, cache }) => ({ tokens: tokens.slice(-1), cache })));
      stride = decoder.logitsStride;
    }
  } finally {
    for (const { cache } of beams) cache[Symbol.dispose]();
  }
  return steps;
}

/** The beams of the next step: each takes its parent's cache, or a fork where another has. */
function advanced(beams: readonly Beam[], next: readonly Next[]): Beam[] {
  const taken = new Set<number>();
  const going = next.map(({ parent, ...run }): Beam => {
    const { cache } = beams[parent]!;
    const isFirst = !taken.has(parent);
    taken.add(parent);
    return { ...run, cache: isFirst ? cache : cache.fork() };
  });
  for (const [parent, { cache }] of beams.entries()) if (!taken.has(parent)) cache[Symbol.dispose]();
  return going;
}

/** Chooses runs and keeps them. */
class Steps implements BeamOutcome {
  readonly nGrams: ScoredNGram[] = [];
  readonly #search: BeamSearch;
  readonly #started = performance.now();
  maskMs = 0;

  constructor(search: BeamSearch) {
    this.#search = search;
  }

  get ms(): number {
    return performance.now() - this.#started;
  }

  /** @param rowOf logits behind each beam. @param goesOn whether runs may still grow. @returns the runs that go on */
  choose(beams: readonly Beam[], rowOf: (beam: number) => Float32Array, goesOn: boolean): Next[] {
    const { until } = this.#search;
    const found = beams.map(({ range }) => this.#follow(range));
    const best = new TopK(this.#search.beams);
    for (const [parent, { tokens, score }] of beams.entries()) {
      const row = rowOf(parent);
      const total = logSum(row);
      const following = found[parent]!;
      if (until && following.tokens.includes(until.token))
        this.nGrams.push({ tokens, logprob: score - total + logSumOf(row, until.ends) });
      if (!goesOn) continue;
      for (let i = 0; i < following.tokens.length; i++) {
        const token = following.tokens[i]!;
        // beyond the model's own are separators
        if (token < row.length) best.push(score + row[token]! - total, parent * FOLLOWERS + i);
      }
    }
    const { rows, scores } = best.drain();
    const next = Array.from(rows, (candidate, n): Next => {
      const [parent, i] = [Math.floor(candidate / FOLLOWERS), candidate % FOLLOWERS];
      const { tokens, lows, highs } = found[parent]!;
      return {
        parent,
        tokens: [...beams[parent]!.tokens, tokens[i]!],
        range: { low: lows[i]!, high: highs[i]! },
        score: scores[n]!,
      };
    });
    if (!until) for (const { tokens, score } of next) this.nGrams.push({ tokens, logprob: score });
    // the last tokens need not be read where nothing hangs on what follows
    return !until && next[0]?.tokens.length === this.#search.maxTokens ? [] : next;
  }

  #follow(range: TokenRange): FollowingTokens {
    const started = performance.now();
    const found = this.#search.follows.next(range);
    this.maskMs += performance.now() - started;
    return found;
  }
}

/** Logarithm of the sum of the exponentials. */
export function logSum(row: Float32Array): number {
  let best = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < row.length; i++) if (row[i]! > best) best = row[i]!;
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum += Math.exp(row[i]! - best);
  return best + Math.log(sum);
}

const logSumOf = (row: Float32Array, tokens: readonly number[]): number =>
  logSum(Float32Array.from(tokens, (token) => row[token]!));
