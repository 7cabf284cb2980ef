/** POST /v1/chat/completions by the language model: whole, or chunk by chunk; all choices at once. */
import type { ChatPiece, LanguageModel } from "../../model/index.ts";
import type { CallContext } from "../route.ts";
import { sseText } from "../stream.ts";
import { type ChatBody, messagesOf, optionsOf } from "./chat-body.ts";
import { checkLength } from "./sampling.ts";
import { sideBySide } from "./side-by-side.ts";
import { started } from "./started.ts";
import { type LogprobEntry, TokenTexts } from "./token-text.ts";
import { toolsOf } from "./tools.ts";
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

/** A piece with the number of its choice. */
type Numbered = readonly [number, ChatPiece];

/** What one choice has had so far. */
interface Choice {
  readonly calls: object[];
  readonly logprobs: TopLogprobs[];
  text: string;
  finish: string;
}

function shownChoice({ calls, logprobs, text, finish }: Choice, index: number): object {
  const message = {
    role: "assistant",
    content: text === "" && calls.length > 0 ? null : text,
    refusal: null,
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
  };
  const shown = logprobs.length > 0 ? { content: logprobs, refusal: null } : null;
  return { index, message, finish_reason: finish, logprobs: shown };
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

  async answer(body: ChatBody, { signal, ends }: Pick<CallContext, "signal" | "ends">): Promise<object> {
    const messages = messagesOf(body);
    const { tools = [] } = toolsOf(body);
    const context = tools.length > 0 ? { tools } : {};
    const { length } = await this.#model.encode(await this.#model.chatPrompt(messages, context));
    checkLength("chat", length, this.#model.config.context, "messages");
    const pieces = sideBySide(
      Array.from({ length: body.n ?? 1 }, (_, choice) =>
        this.#model.chat(messages, optionsOf(body, choice, signal)),
      ),
    );
    const head = {
      id: `chatcmpl-${crypto.randomUUID()}`,
      created: Math.floor(Date.now() / 1000),
      model: this.#name,
    };
    if (!body.stream) return this.#whole(head, pieces);
    const withUsage = body.stream_options?.include_usage === true;
    return sseText(this.#chunks(head, await started(pieces), withUsage), ends);
  }

  async #whole(head: object, pieces: AsyncIterable<Numbered>): Promise<object> {
    const usage = new Usage();
    const choices: Choice[] = [];
    for await (const [index, piece] of pieces) {
      choices[index] ??= { calls: [], logprobs: [], text: "", finish: "stop" };
      await this.#take(choices[index], piece);
      if (piece.type === "done") usage.add(piece, index);
    }
    return { object: "chat.completion", ...head, choices: choices.map(shownChoice), usage: usage.toJSON() };
  }

  async #take(choice: Choice, piece: ChatPiece): Promise<void> {
    choice.calls.push(...(callsOf(piece) ?? []).map(apiCall));
    if (piece.type === "text") {
      choice.text += piece.text;
      choice.logprobs.push(...(await this.#logprobsOf(piece)));
    } else if (piece.type === "done") choice.finish = choice.calls.length > 0 ? "tool_calls" : piece.finish;
  }

  async *#chunks(head: object, pieces: AsyncIterable<Numbered>, withUsage: boolean): AsyncGenerator<string> {
    const usage = new Usage();
    const frame = (more: object): string =>
      JSON.stringify({
        object: "chat.completion.chunk",
        ...head,
        ...(withUsage ? { usage: null } : {}),
        ...more,
      });
    const called = new Map<number, number>();
    for await (const [index, piece] of pieces) {
      for (const choice of await this.#deltas(index, piece, called)) yield frame({ choices: [choice] });
      if (piece.type === "done") usage.add(piece, index);
    }
    if (withUsage) yield frame({ choices: [], usage: usage.toJSON() });
    yield "[DONE]";
  }

  /** @param called calls of each choice so far; one that is not in it begins */
  async #deltas(index: number, piece: ChatPiece, called: Map<number, number>): Promise<object[]> {
    const delta = (delta: object, logprobs: readonly TopLogprobs[] = []): object => ({
      index,
      delta,
      finish_reason: null,
      logprobs: logprobs.length > 0 ? { content: logprobs, refusal: null } : null,
    });
    const begun = called.has(index) ? [] : [delta({ role: "assistant", content: "" })];
    const before = called.get(index) ?? 0;
    const calls = (callsOf(piece) ?? []).map((call, i) =>
      delta({ tool_calls: [{ index: before + i, ...apiCall(call) }] }),
    );
    called.set(index, before + calls.length);
    const all = [...begun, ...calls];
    if (piece.type === "text") return [...all, delta({ content: piece.text }, await this.#logprobsOf(piece))];
    if (piece.type !== "done") return all;
    const finish = before > 0 ? "tool_calls" : piece.finish;
    return [...all, { index, delta: {}, finish_reason: finish, logprobs: null }];
  }

  async #logprobsOf({ logprob }: Extract<ChatPiece, { type: "text" }>): Promise<TopLogprobs[]> {
    if (!logprob) return [];
    const entry = await this.#texts.entry(logprob);
    return [{ ...entry, top_logprobs: await this.#texts.entries(logprob.top) }];
  }
}
