/**
 * Beam search among runs of tokens that a corpus holds (Bevilacqua and others, Autoregressive Search Engines: Generating Substrings as
 * Document Identifiers, 2022). Runs of all lengths count, not only the last. Differs from the paper where a neutral prompt is given, see
 * calibrate.ts: without one what does not follow somewhere is left out before the best are chosen, but scores come from the distribution
 * over all tokens: where little may follow, that little is no likelier for it.
 */
import type { PagedCache } from "../../cache/paged-cache.ts";
import { throwIfAborted } from "../../errors.ts";
import type { ScoredNGram } from "../../index/text/n-gram-weights.ts";
import type { FollowingTokens, TokenRange } from "../../index/text/token-index/token-index.ts";
import { TopK } from "../../index/top-k.ts";
import type { Decoder } from "../decoder.ts";
import { followingScores, type TitleEnd } from "./calibrate.ts";

/** What may follow: of TokenIndex. */
export interface Follows {
  next(range: TokenRange): FollowingTokens;
}

/** A prompt that was read. */
export interface ReadPrompt {
  /** Borrowed and left as it is. */
  readonly cache: PagedCache;
  /** Logits behind it, of all tokens. */
  readonly first: Float32Array;
}

export interface BeamSearch {
  readonly decoder: Decoder;
  readonly follows: Follows;
  readonly prompt: ReadPrompt;
  /** Where given, what is likely behind this prompt too counts for nothing. */
  readonly neutral?: ReadPrompt | undefined;
  /** Rows that the runs grow from. */
  readonly start: TokenRange;
  /** Whether a run may begin with a token. */
  readonly begins?: ((token: number) => boolean) | undefined;
  /** Runs that go on after each step, 1 to 64; with a neutral prompt to 32. */
  readonly beams: number;
  readonly maxTokens: number;
  /** How much of log(count + smoothing) of a run is taken off its score where the runs that go on are chosen. */
  readonly rarity: number;
  readonly smoothing: number;
  /** A run that occurs no more often than this does not go on: with a neutral prompt the model has no say in how it does. */
  readonly settled: number;
  /** Where given, only runs behind which this token stands. */
  readonly until?: TitleEnd;
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

interface Run {
  readonly tokens: readonly number[];
  readonly range: TokenRange;
  readonly score: number;
}

interface Beam extends Run {
  /** Behind the question, and behind the neutral prompt where there is one. */
  readonly caches: readonly PagedCache[];
}

/** A run that may go on: the beam that it goes on from. */
interface Next extends Run {
  readonly parent: number;
}

/** More than follow any run: what numbers a candidate. */
const FOLLOWERS = 2 ** 16;

/** Logits behind a beam, and behind the same tokens after the neutral prompt. */
type RowsOf = (beam: number) => readonly [Float32Array, Float32Array | undefined];

/** @returns runs of all lengths, in the order of steps and of scores. @throws MnemeError CANCELLED */
export async function beamSearch(search: BeamSearch): Promise<BeamOutcome> {
  const { decoder, maxTokens, pause, signal, prompt, neutral, start } = search;
  const { vocabulary } = decoder.config;
  const steps = new Steps(search);
  const caches = [prompt.cache, ...(neutral ? [neutral.cache] : [])].map((cache) => cache.fork());
  let beams: Beam[] = [{ tokens: [], range: start, score: 0, caches }];
  let rowsOf: RowsOf = () => [prompt.first, neutral?.first];
  try {
    for (let step = 0; ; step++) {
      throwIfAborted(signal, "n-grams");
      const next = steps.choose(beams, rowsOf, step < maxTokens);
      beams = advanced(beams, next);
      if (beams.length === 0) break;
      await pause();
      const logits = decoder.step(spansOf(beams));
      const row = (at: number): Float32Array =>
        logits.subarray(at * decoder.logitsStride, at * decoder.logitsStride + vocabulary);
      const { length } = beams;
      rowsOf = (beam) => [row(beam), neutral && row(length + beam)];
    }
  } finally {
    for (const beam of beams) forget(beam);
  }
  return steps;
}

/** The last token of each run behind all prompts, prompt by prompt. */
const spansOf = (beams: readonly Beam[]): { readonly tokens: number[]; readonly cache: PagedCache }[] =>
  beams[0]!.caches.flatMap((_, i) =>
    beams.map(({ tokens, caches }) => ({ tokens: tokens.slice(-1), cache: caches[i]! })),
  );

function forget({ caches }: Beam): void {
  for (const cache of caches) cache[Symbol.dispose]();
}

/** The beams of the next step: each takes its parent's caches, or forks where another has. */
function advanced(beams: readonly Beam[], next: readonly Next[]): Beam[] {
  const taken = new Set<number>();
  const going = next.map(({ parent, ...run }): Beam => {
    const { caches } = beams[parent]!;
    const isFirst = !taken.has(parent);
    taken.add(parent);
    return { ...run, caches: isFirst ? caches : caches.map((cache) => cache.fork()) };
  });
  for (const [parent, beam] of beams.entries()) if (!taken.has(parent)) forget(beam);
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

  /** @param goesOn whether runs may still grow. @returns the runs that go on */
  choose(beams: readonly Beam[], rowsOf: RowsOf, goesOn: boolean): Next[] {
    const { until, settled, maxTokens } = this.#search;
    const next = this.#best(beams, rowsOf, goesOn);
    if (until) return next.filter((run) => !this.#end(run));
    for (const { tokens, score } of next) this.nGrams.push({ tokens, logprob: score });
    // the last tokens need not be read where nothing hangs on what follows
    if (next[0]?.tokens.length === maxTokens) return [];
    return next.filter(({ range }) => range.high - range.low > settled);
  }

  /** The best runs that are longer by a token; ends of titles are kept as they are met. */
  #best(beams: readonly Beam[], rowsOf: RowsOf, goesOn: boolean): Next[] {
    const { until, begins, rarity, smoothing } = this.#search;
    const found = beams.map(({ range }) => this.#follow(range));
    const scores = beams.map((_, beam) => followingScores(...rowsOf(beam), found[beam]!, until));
    const best = new TopK(this.#search.beams);
    for (const [parent, { tokens, score }] of beams.entries()) {
      const following = found[parent]!;
      for (let i = 0; i < following.tokens.length; i++) {
        const own = score + scores[parent]![i]!;
        const token = following.tokens[i]!;
        if (own === Number.NEGATIVE_INFINITY) continue;
        if (token === until?.token) this.nGrams.push({ tokens, logprob: own });
        else if (goesOn && (tokens.length > 0 || !begins || begins(token))) {
          const count = following.highs[i]! - following.lows[i]!;
          const common = rarity === 0 ? 0 : rarity * Math.log(count + smoothing);
          best.push(own - common, parent * FOLLOWERS + i);
        }
      }
    }
    return Array.from(best.drain().rows, (candidate): Next => {
      const [parent, i] = [Math.floor(candidate / FOLLOWERS), candidate % FOLLOWERS];
      const { tokens, lows, highs } = found[parent]!;
      const beam = beams[parent]!;
      return {
        parent,
        tokens: [...beam.tokens, tokens[i]!],
        range: { low: lows[i]!, high: highs[i]! },
        score: beam.score + scores[parent]![i]!,
      };
    });
  }

  /** Writes a title to its end where the corpus leaves no choice. @returns whether that was so */
  #end({ tokens, range, score }: Next): boolean {
    const { until, settled, neutral, maxTokens } = this.#search;
    if (!neutral || range.high - range.low > settled) return false;
    const whole = [...tokens];
    for (let at = range; whole.length <= maxTokens; ) {
      const following = this.#follow(at);
      if (following.tokens.length !== 1) break;
      if (following.tokens[0] === until!.token) {
        this.nGrams.push({ tokens: whole, logprob: score });
        break;
      }
      whole.push(following.tokens[0]!);
      at = { low: following.lows[0]!, high: following.highs[0]! };
    }
    return true;
  }

  #follow(range: TokenRange): FollowingTokens {
    const started = performance.now();
    const found = this.#search.follows.next(range);
    this.maskMs += performance.now() - started;
    return found;
  }
}
