/** The thread behind ModelThread: has the model, answers calls; pieces that come in one slice of its work go out together. */

import { parentPort, workerData } from "node:worker_threads";
import { carry } from "../carried-error.ts";
import { load } from "./load.ts";
import type { Model } from "./model.ts";
import type { FromThread, Request, ThreadStart, ToThread } from "./thread-protocol.ts";
import type { ChatPiece } from "./tools.ts";

const port = parentPort!;
const stops = new Map<number, AbortController>();
const tell = (message: FromThread): void => port.postMessage(message);

/** Sends pieces once the model lets others have their turn, so that nobody waits for a piece, and not every one is a message. */
class Pieces {
  readonly #id: number;
  #held: ChatPiece[] = [];
  #timer: NodeJS.Immediate | undefined;

  constructor(id: number) {
    this.#id = id;
  }

  push(piece: ChatPiece): void {
    this.#held.push(piece);
    this.#timer ??= setImmediate(() => this.flush());
  }

  flush(): void {
    clearImmediate(this.#timer);
    this.#timer = undefined;
    if (this.#held.length > 0) tell({ kind: "pieces", id: this.#id, pieces: this.#held });
    this.#held = [];
  }
}

async function stream(id: number, pieces: AsyncIterable<ChatPiece>): Promise<void> {
  const out = new Pieces(id);
  try {
    for await (const piece of pieces) out.push(piece);
  } finally {
    out.flush();
  }
}

async function answer(model: Model, id: number, request: Request, signal: AbortSignal): Promise<unknown> {
  switch (request.verb) {
    case "generate":
      return stream(id, model.generate(request.prompt, { ...request.options, signal }));
    case "chat":
      return stream(id, model.chat(request.messages, { ...request.options, signal }));
    case "chatPrompt":
      return model.chatPrompt(request.messages, request.context);
    case "encode":
      return model.encode(request.text, request.whole);
    case "decode":
      return model.decode(request.tokens);
    case "score":
      return model.score(request.text);
    case "likelihood":
      return model.likelihood(request.passage, request.questions, { signal });
    case "embed":
      // one text or several, the answer is of the same kind
      return model.embed(request.texts as string, { ...request.options, signal });
    case "indexTexts":
      return model.indexTexts(request.texts, { signal });
    case "nGrams":
      return model.nGrams(request.question, request.index, { ...request.options, signal });
    case "fingerprint":
      return model.fingerprint();
    default:
      return request satisfies never;
  }
}

async function call(model: Model, id: number, request: Request): Promise<void> {
  const stop = new AbortController();
  stops.set(id, stop);
  try {
    const value = await answer(model, id, request, stop.signal);
    tell({ kind: "end", id, value, bytes: model.bytes });
  } catch (error) {
    tell({ kind: "failed", id, error: carry(error, "model") });
  } finally {
    stops.delete(id);
  }
}

async function close(model: Model): Promise<void> {
  for (const stop of stops.values()) stop.abort();
  await model[Symbol.asyncDispose]();
  port.close();
}

async function main(): Promise<void> {
  const { folder, options } = workerData as ThreadStart;
  let model: Model;
  try {
    model = await load(folder, options);
  } catch (error) {
    tell({ kind: "refused", error: carry(error, "model") });
    port.close();
    return;
  }
  port.on("message", (message: ToThread) => {
    if (message.kind === "call") void call(model, message.id, message.request);
    else if (message.kind === "stop") stops.get(message.id)?.abort();
    else void close(model);
  });
  const { config, precision, bytes } = model;
  tell({ kind: "ready", facts: { config, precision, bytes } });
}

void main();
