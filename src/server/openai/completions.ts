/**
 * POST /v1/completions by the language model: several prompts, several choices of each, all at once; the prompt before its text where
 * asked for.
 */
import { z } from "zod";
import { MnemeError } from "../../errors.ts";
import type { LanguageModel, Piece } from "../../model/index.ts";
import type { CallContext } from "../route.ts";
import { sseText } from "../stream.ts";
import { checkLength, type Sampling, samplingOf, samplingShape, unheard } from "./sampling.ts";
import { sideBySide } from "./side-by-side.ts";
import { started } from "./started.ts";
import { TokenTexts } from "./token-text.ts";
import { Usage } from "./usage.ts";

const tokens = z.array(z.int().min(0));

export const completionBody = z.object({
  ...samplingShape,
  prompt: z
    .union([z.string(), z.array(z.string()).max(64), tokens, z.array(tokens).max(64)])
    .describe("A text, texts, the tokens of one, or of several"),
  max_tokens: z
    .int()
    .min(0)
    .nullish()
    .describe("Default 16; 0 with echo: the prompt alone, with its logprobs"),
  echo: z.boolean().nullish(),
  logprobs: z.int().min(0).max(20).nullish().describe("So many of the likeliest tokens at each place"),
  suffix: unheard,
  best_of: unheard,
});
type Body = z.infer<typeof completionBody>;

interface Logprobs {
  readonly tokens: string[];
  readonly token_logprobs: (number | null)[];
  readonly top_logprobs: (Record<string, number> | null)[];
  readonly text_offset: number[];
}

/** What one choice has had so far. */
interface State {
  readonly index: number;
  /** Characters, where the next token begins. */
  offset: number;
}

interface Part {
  readonly text: string;
  readonly finish: "stop" | "length" | null;
  readonly logprobs: Logprobs | null;
}

const DEFAULT_TOKENS = 16;

export class Completions {
  readonly #model: LanguageModel;
  readonly #name: string;
  readonly #texts: TokenTexts;

  constructor(model: LanguageModel, name: string) {
    this.#model = model;
    this.#name = name;
    this.#texts = new TokenTexts(model);
  }

  async answer(body: Body, { signal, ends }: Pick<CallContext, "signal" | "ends">): Promise<object> {
    const prompts = await this.#promptsOf(body);
    const usage = new Usage();
    const head = {
      id: `cmpl-${crypto.randomUUID()}`,
      object: "text_completion",
      created: Math.floor(Date.now() / 1000),
      model: this.#name,
    };
    const parts = this.#all(body, prompts, usage, signal);
    if (!body.stream) return this.#whole(head, parts, usage);
    const lines = framed(head, await started(parts), usage, body.stream_options?.include_usage === true);
    return sseText(lines, ends);
  }

  /** @throws MnemeError where one is empty or too long, before anything is generated */
  async #promptsOf({ prompt, max_tokens }: Body): Promise<(readonly number[])[]> {
    const { context, vocabulary } = this.#model.config;
    const list = promptList(prompt);
    const all: (readonly number[])[] = [];
    for (const one of list) {
      const own = typeof one === "string" ? await this.#tokensOf(one) : one;
      const beyond = own.find((token) => token >= vocabulary);
      if (beyond !== undefined)
        throw new MnemeError(
          "RANGE",
          `completions: token ${beyond}; the model has tokens 0 to ${vocabulary - 1}`,
          {
            details: { param: "prompt" },
          },
        );
      checkLength("completions", own.length, max_tokens === 0 ? context + 1 : context, "prompt");
      all.push(own);
    }
    checkLength("completions", all.length, Number.POSITIVE_INFINITY, "prompt");
    return all;
  }

  /** Of no text none, not even those that would stand around it. */
  async #tokensOf(text: string): Promise<readonly number[]> {
    return text === "" ? [] : this.#model.encode(text, true);
  }

  async #whole(head: object, parts: AsyncIterable<Part & State>, usage: Usage): Promise<object> {
    const choices: { index: number; text: string; finish_reason: string; logprobs: Logprobs | null }[] = [];
    for await (const { index, text, finish, logprobs } of parts) {
      choices[index] ??= { index, text: "", finish_reason: "length", logprobs: null };
      const choice = choices[index];
      choice.text += text;
      if (finish) choice.finish_reason = finish;
      if (logprobs) choice.logprobs = joined(choice.logprobs, logprobs);
    }
    return { ...head, choices, usage: usage.toJSON() };
  }

  async *#all(
    body: Body,
    prompts: readonly (readonly number[])[],
    usage: Usage,
    signal: AbortSignal,
  ): AsyncGenerator<Part & State> {
    const each = body.n ?? 1;
    const streams = prompts.flatMap((prompt, at) =>
      Array.from({ length: each }, (_, choice) => {
        const state: State = { index: at * each + choice, offset: 0 };
        return this.#choice(body, prompt, choice, state, usage, signal);
      }),
    );
    for await (const [, part] of sideBySide(streams)) yield part;
  }

  async *#choice(
    body: Body,
    prompt: readonly number[],
    choice: number,
    state: State,
    usage: Usage,
    signal: AbortSignal,
  ): AsyncGenerator<Part & State> {
    if (body.echo) yield { ...(await this.#echo(body, prompt, state)), ...state };
    if (body.max_tokens === 0) {
      if (choice === 0) usage.addPrompt(prompt.length);
      yield { text: "", finish: "length", logprobs: null, ...state };
      return;
    }
    const options = {
      ...samplingOf(body as Sampling, choice),
      maxTokens: body.max_tokens ?? DEFAULT_TOKENS,
      ...(body.logprobs == null ? {} : { logprobs: body.logprobs }),
      signal,
    };
    for await (const piece of this.#model.generate(prompt, options)) {
      if (piece.type === "done") usage.add(piece, choice);
      yield { ...(await this.#partOf(piece, state)), ...state };
    }
  }

  /** The prompt as the beginning of the text. */
  async #echo(body: Body, prompt: readonly number[], state: State): Promise<Part> {
    const text = await this.#model.decode(prompt);
    if (body.logprobs == null) {
      state.offset += text.length;
      return { text, finish: null, logprobs: null };
    }
    const scores = await this.#model.score(prompt);
    const logprobs: Logprobs = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
    for (const [i, token] of prompt.entries()) {
      const shown = await this.#texts.of(token);
      logprobs.tokens.push(shown);
      logprobs.token_logprobs.push(i === 0 ? null : scores[i - 1]!);
      logprobs.top_logprobs.push(i === 0 ? null : { [shown]: scores[i - 1]! });
      logprobs.text_offset.push(state.offset);
      state.offset += shown.length;
    }
    return { text, finish: null, logprobs };
  }

  async #partOf(piece: Piece, state: State): Promise<Part> {
    if (piece.type !== "text")
      return { text: "", finish: piece.type === "done" ? piece.finish : null, logprobs: null } as Part;
    const { text, logprob } = piece;
    const offset = state.offset;
    state.offset += text.length;
    if (!logprob) return { text, finish: null, logprobs: null };
    const [own, top] = [await this.#texts.entry(logprob), await this.#texts.entries(logprob.top)];
    const logprobs = {
      tokens: [own.token],
      token_logprobs: [own.logprob],
      top_logprobs: [Object.fromEntries(top.map((entry) => [entry.token, entry.logprob]))],
      text_offset: [offset],
    };
    return { text, finish: null, logprobs };
  }
}

function promptList(prompt: Body["prompt"]): readonly (string | readonly number[])[] {
  if (typeof prompt === "string") return [prompt];
  return typeof prompt[0] === "number" ? [prompt as number[]] : (prompt as (string | number[])[]);
}

function joined(before: Logprobs | null, more: Logprobs): Logprobs {
  if (!before) return more;
  before.tokens.push(...more.tokens);
  before.token_logprobs.push(...more.token_logprobs);
  before.top_logprobs.push(...more.top_logprobs);
  before.text_offset.push(...more.text_offset);
  return before;
}

async function* framed(
  head: object,
  parts: AsyncIterable<Part & State>,
  usage: Usage,
  withUsage: boolean,
): AsyncGenerator<string> {
  const frame = (more: object): string =>
    JSON.stringify({ ...head, ...(withUsage ? { usage: null } : {}), ...more });
  for await (const { index, text, finish, logprobs } of parts)
    yield frame({ choices: [{ index, text, finish_reason: finish, logprobs }] });
  if (withUsage) yield frame({ choices: [], usage: usage.toJSON() });
  yield "[DONE]";
}
