/** POST /v1/chat/completions by the language model: whole, or chunk by chunk. */
import type { ChatPiece, LanguageModel } from "../../model/index.ts";
import { sseText } from "../stream.ts";
import { type ChatBody, messagesOf, optionsOf } from "./chat-body.ts";
import { checkLength } from "./sampling.ts";
import { started } from "./started.ts";
import { type LogprobEntry, TokenTexts } from "./token-text.ts";
import { Usage } from "./usage.ts";

interface Call {
  readonly id: string;
  readonly name: string;
  readonly arguments: unknown;
}

/** A piece with calls of tools, as a model that was given tools yields them. */
function callsOf(piece: { readonly type: string }): readonly Call[] | undefined {
  return piece.type === "tool_calls" ? (piece as unknown as { calls: readonly Call[] }).calls : undefined;
}

function apiCall({ id, name, arguments: given }: Call): object {
  const text = typeof given === "string" ? given : JSON.stringify(given);
  return { id, type: "function", function: { name, arguments: text } };
}

interface TopLogprobs extends LogprobEntry {
  readonly top_logprobs: readonly LogprobEntry[];
}

export class ModelChat {
  readonly #model: LanguageModel;
  readonly #name: string;
  readonly #texts: TokenTexts;

  constructor(model: LanguageModel, name: string) {
    this.#model = model;
    this.#name = name;
    this.#texts = new TokenTexts(model);
  }

  async answer(body: ChatBody, signal: AbortSignal): Promise<object> {
    const messages = messagesOf(body);
    const context = body.tools?.length ? { tools: body.tools } : {};
    const { length } = await this.#model.encode(await this.#model.chatPrompt(messages, context));
    checkLength("chat", length, this.#model.config.context, "messages");
    const stop = new AbortController();
    const either = AbortSignal.any([signal, stop.signal]);
    const choices = Array.from({ length: body.n ?? 1 }, (_, choice) =>
      this.#model.chat(messages, optionsOf(body, choice, either)),
    );
    const head = {
      id: `chatcmpl-${crypto.randomUUID()}`,
      created: Math.floor(Date.now() / 1000),
      model: this.#name,
    };
    if (!body.stream) return this.#whole(head, choices);
    choices[0] = (await started(choices[0]!)) as AsyncGenerator<ChatPiece>;
    return sseText(this.#chunks(head, choices, body.stream_options?.include_usage === true), () =>
      stop.abort(),
    );
  }

  async #whole(head: object, all: readonly AsyncIterable<ChatPiece>[]): Promise<object> {
    const usage = new Usage();
    const choices: object[] = [];
    for (const [index, pieces] of all.entries()) choices.push(await this.#choice(index, pieces, usage));
    return { object: "chat.completion", ...head, choices, usage: usage.toJSON() };
  }

  async #choice(index: number, pieces: AsyncIterable<ChatPiece>, usage: Usage): Promise<object> {
    const calls: object[] = [];
    const logprobs: TopLogprobs[] = [];
    let text = "";
    let finish = "stop";
    for await (const piece of pieces) {
      calls.push(...(callsOf(piece) ?? []).map(apiCall));
      if (piece.type === "text") {
        text += piece.text;
        logprobs.push(...(await this.#logprobsOf(piece)));
      } else if (piece.type === "done") {
        usage.add(piece);
        finish = calls.length > 0 ? "tool_calls" : piece.finish;
      }
    }
    const message = {
      role: "assistant",
      content: text === "" && calls.length > 0 ? null : text,
      refusal: null,
      ...(calls.length > 0 ? { tool_calls: calls } : {}),
    };
    const shown = logprobs.length > 0 ? { content: logprobs, refusal: null } : null;
    return { index, message, finish_reason: finish, logprobs: shown };
  }

  async *#chunks(
    head: object,
    choices: readonly AsyncIterable<ChatPiece>[],
    withUsage: boolean,
  ): AsyncGenerator<string> {
    const usage = new Usage();
    const frame = (more: object): string =>
      JSON.stringify({
        object: "chat.completion.chunk",
        ...head,
        ...(withUsage ? { usage: null } : {}),
        ...more,
      });
    for (const [index, pieces] of choices.entries())
      for await (const choice of this.#deltas(index, pieces, usage)) yield frame({ choices: [choice] });
    if (withUsage) yield frame({ choices: [], usage: usage.toJSON() });
    yield "[DONE]";
  }

  async *#deltas(index: number, pieces: AsyncIterable<ChatPiece>, usage: Usage): AsyncGenerator<object> {
    const delta = (delta: object, logprobs: readonly TopLogprobs[] = []): object => ({
      index,
      delta,
      finish_reason: null,
      logprobs: logprobs.length > 0 ? { content: logprobs, refusal: null } : null,
    });
    let called = 0;
    yield delta({ role: "assistant", content: "" });
    for await (const piece of pieces) {
      for (const call of callsOf(piece) ?? [])
        yield delta({ tool_calls: [{ index: called++, ...apiCall(call) }] });
      if (piece.type === "text") yield delta({ content: piece.text }, await this.#logprobsOf(piece));
      else if (piece.type === "done") {
        usage.add(piece);
        yield { index, delta: {}, finish_reason: called > 0 ? "tool_calls" : piece.finish, logprobs: null };
      }
    }
  }

  async #logprobsOf({ logprob }: Extract<ChatPiece, { type: "text" }>): Promise<TopLogprobs[]> {
    if (!logprob) return [];
    const entry = await this.#texts.entry(logprob);
    return [{ ...entry, top_logprobs: await this.#texts.entries(logprob.top) }];
  }
}
