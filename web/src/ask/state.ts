/** Questions of this sitting and their answers, as they stream in. */
import { type Signal, signal } from "@preact/signals";
import type { AnswerPart, Citation } from "../../../src/memory/types.ts";
import { events, messageOf, send } from "../api.ts";

export type Piece = { readonly text: string } | { readonly citation: Citation };

export interface Exchange {
  readonly id: number;
  readonly question: string;
  readonly pieces: readonly Piece[];
  readonly citations: readonly Citation[];
  readonly state: "streaming" | "done" | "stopped" | "failed";
  /** Why there is no answer, or why it broke off. */
  readonly reason?: string;
  readonly ms?: number;
}

type StreamEvent = AnswerPart | { readonly type: "error"; readonly error: { readonly message: string } };

/** Newest first. */
export const exchanges: Signal<readonly Exchange[]> = signal([]);

let running: AbortController | undefined;
let lastId = 0;

export async function askQuestion(question: string): Promise<void> {
  running?.abort();
  const abort = new AbortController();
  running = abort;
  const id = ++lastId;
  exchanges.value = [{ id, question, pieces: [], citations: [], state: "streaming" }, ...exchanges.value];
  try {
    const body = { question, stream: true };
    const response = await send("POST", "/v1/ask", {
      body,
      signal: abort.signal,
      accept: "text/event-stream",
    });
    for await (const part of events<StreamEvent>(response))
      change(id, (exchange) => withPart(exchange, part));
    change(id, (exchange) => (exchange.state === "streaming" ? { ...exchange, state: "stopped" } : exchange));
  } catch (error) {
    const state = abort.signal.aborted ? "stopped" : "failed";
    change(id, (exchange) => ({
      ...exchange,
      state,
      ...(state === "failed" ? { reason: messageOf(error) } : {}),
    }));
  }
}

export function stopAnswer(): void {
  running?.abort();
}

function change(id: number, next: (exchange: Exchange) => Exchange): void {
  exchanges.value = exchanges.value.map((exchange) => (exchange.id === id ? next(exchange) : exchange));
}

function withPart(exchange: Exchange, part: StreamEvent): Exchange {
  switch (part.type) {
    case "text":
      return { ...exchange, pieces: [...exchange.pieces, { text: part.text }] };
    case "citation": {
      const { citation } = part;
      const known = exchange.citations.some(({ number }) => number === citation.number);
      const citations = known ? exchange.citations : [...exchange.citations, citation];
      return { ...exchange, pieces: [...exchange.pieces, { citation }, { text: " " }], citations };
    }
    case "done":
      return {
        ...exchange,
        state: "done",
        ms: part.ms,
        ...(part.reason === undefined ? {} : { reason: part.reason }),
      };
    case "error":
      return { ...exchange, state: "failed", reason: part.error.message };
    default:
      return part satisfies never;
  }
}
