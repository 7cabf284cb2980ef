/** A request at work: the tokens that are to go into its cache next, and what is made of the logits that come out. */
import { checkWhole } from "../cache/checks.ts";
import type { PagedCache } from "../cache/paged-cache.ts";
import type { CachePolicy } from "../cache/policy.ts";
import { policyOf } from "../cache/policy-of.ts";
import { MnemeError } from "../errors.ts";
import { bestRows } from "../index/top-k.ts";
import type { ModelConfig } from "./config.ts";
import type { Finish, GenerateOptions, Piece, TokenLogprob } from "./generate.ts";
import { generateDefaults } from "./generate.ts";
import type { Governor } from "./governor.ts";
import { type Constraint, constraintOf } from "./grammar/constraint.ts";
import { grammarOf } from "./grammar/grammar-of.ts";
import { draftOf } from "./prompt-lookup.ts";
import { logSum, Sampler } from "./sample.ts";
import { StopText } from "./stop-text.ts";
import { TextStream, type Tokenizer } from "./tokenizer.ts";

export class Sequence {
  readonly prompt: readonly number[];
  readonly options: GenerateOptions;
  /** Absent where every token stays and the cache may be shared. */
  readonly policy: CachePolicy | undefined;
  /** Pieces that nobody took yet. */
  readonly pieces: Piece[] = [];
  /** The prompt, then what was generated and fed. */
  readonly tokens: number[];
  /** Of the prompt, those that came from elsewhere; and why not more. */
  cachedTokens = 0;
  missed = "";
  cache: PagedCache | undefined;
  governor: Governor | undefined;
  finished = false;
  readonly #config: ModelConfig;
  readonly #sampler: Sampler;
  readonly #constraint: Constraint | undefined;
  readonly #stream: TextStream;
  readonly #stop: StopText;
  readonly #most: number;
  readonly #draft: number;
  #generated = 0;
  #drafted = 0;
  #accepted = 0;

  /** @throws MnemeError ARGUMENT, RANGE of what the options say, and of a prompt that leaves no room */
  constructor(
    config: ModelConfig,
    tokenizer: Tokenizer,
    prompt: readonly number[],
    options: GenerateOptions,
  ) {
    const room = config.context - prompt.length;
    if (prompt.length === 0)
      throw new MnemeError("ARGUMENT", "generate: the prompt is empty; give it at least one token");
    if (room <= 0)
      throw new MnemeError(
        "RANGE",
        `generate: the prompt has ${prompt.length} tokens, the model's context ${config.context}; shorten it`,
      );
    // here, where it is this request's error: a step that fails takes all its requests with it
    const bad = prompt.find((token) => !(Number.isInteger(token) && token >= 0 && token < config.vocabulary));
    if (bad !== undefined)
      throw new MnemeError("RANGE", `generate: token ${bad} is none of ${config.vocabulary}`);
    this.#config = config;
    this.prompt = prompt;
    this.tokens = [...prompt];
    this.options = options;
    this.policy = typeof options.cache === "string" ? policyOf(options.cache) : options.cache;
    this.#most = mostTokens(options, room);
    this.#draft = options.grammar || options.schema || options.cache ? 0 : (options.speculate ?? 0);
    this.#sampler = new Sampler(options, prompt);
    const grammar = grammarOf(options);
    this.#constraint = grammar && constraintOf(tokenizer, config, grammar);
    this.#stream = new TextStream(tokenizer);
    this.#stop = new StopText(options.stop ?? []);
  }

  /** Tokens of the prompt that are not in the cache yet. */
  get promptLeft(): number {
    return Math.max(0, this.prompt.length - this.cache!.length);
  }

  /** Bytes of the cache once all is generated, by what a token takes now. */
  get tokensAtMost(): number {
    return this.prompt.length + this.#most;
  }

  /** Tokens that go in next: of the prompt up to `room`; then the last one, and a draft of those that may follow it. */
  next(room: number): { readonly tokens: readonly number[]; readonly logits: "none" | "last" | "all" } {
    const at = this.cache!.length;
    if (at < this.prompt.length) {
      const tokens = this.prompt.slice(at, at + room);
      return { tokens, logits: at + tokens.length === this.prompt.length ? "last" : "none" };
    }
    const own = this.tokens.slice(at);
    const most = Math.min(this.#draft, room - own.length, this.#most - this.#generated - 1);
    const draft = most > 0 ? draftOf(this.tokens, most) : [];
    this.#drafted += draft.length;
    return { tokens: [...own, ...draft], logits: "all" };
  }

  /**
   * What the logits behind the tokens that went in say: a token, and more of them while a draft holds.
   * @param logits rows `stride` apart, one for each of `fed` that wanted them
   */
  take(fed: readonly number[], logits: Float32Array, stride: number): void {
    const rows = logits.length / stride;
    const first = fed.length - rows;
    for (let row = 0; row < rows && !this.finished && !this.#constraint?.done; row++) {
      const token = this.#sample(logits.subarray(row * stride, row * stride + this.#config.vocabulary));
      const next = fed[first + row + 1];
      if (next === undefined) break;
      if (token !== next) break;
      this.#accepted++;
    }
    // of a draft what did not hold is forgotten; the last token taken is not in, or not surely
    this.cache!.truncate(this.tokens.length - 1);
    if (!this.finished && (this.#generated >= this.#most || this.#constraint?.done))
      this.#finish(this.#constraint?.done ? "stop" : "length");
  }

  /** @returns the token, which is now the last */
  #sample(logits: Float32Array): number {
    const { logprobs } = this.options;
    const own = logprobs === undefined ? undefined : logprobsOf(logits, logprobs);
    const token = this.#sampler.next(logits, this.#constraint?.allowed());
    this.#constraint?.accept(token);
    this.#generated++;
    if (this.#config.eos.includes(token)) {
      this.#finish("stop");
      return token;
    }
    this.tokens.push(token);
    const text = this.#stop.push(this.#stream.push(token));
    const logprob = own && { token, logprob: own.of(token), top: own.top };
    if (text !== "" || logprob) this.pieces.push({ type: "text", text, ...(logprob ? { logprob } : {}) });
    if (this.#stop.found) this.#finish("stop");
    return token;
  }

  #finish(finish: Finish): void {
    const rest = this.#stop.found ? "" : this.#stop.end(this.#stream.end());
    if (rest !== "") this.pieces.push({ type: "text", text: rest });
    this.pieces.push({
      type: "done",
      finish: this.#stop.found ? "stop" : finish,
      promptTokens: this.prompt.length,
      cachedTokens: this.cachedTokens,
      missed: this.missed,
      generatedTokens: this.#generated,
      cacheBytes: this.governor?.bytesInAll ?? this.cache!.bytes,
      ...(this.#drafted > 0 ? { drafted: this.#drafted, accepted: this.#accepted } : {}),
    });
    this.finished = true;
  }
}

/** The most tokens that may come. @throws MnemeError RANGE naming the count that is none */
function mostTokens(options: GenerateOptions, room: number): number {
  const { maxTokens = generateDefaults.maxTokens, logprobs = 0, speculate = 0, keep = 0 } = options;
  checkWhole("generate", "maxTokens", maxTokens, 1);
  for (const [name, value] of Object.entries({ logprobs, speculate, keep }))
    checkWhole("generate", name, value, 0);
  return Math.min(maxTokens, room);
}

interface Logprobs {
  readonly top: readonly TokenLogprob[];
  of(token: number): number;
}

function logprobsOf(logits: Float32Array, count: number): Logprobs {
  // what is drawn from is changed by then
  const copy = logits.slice();
  const sum = logSum(copy);
  const of = (token: number): number => copy[token]! - sum;
  const { rows } = bestRows(copy, copy.length, (token) => token, { k: count });
  return { of, top: Array.from(rows, (token) => ({ token, logprob: of(token) })) };
}
