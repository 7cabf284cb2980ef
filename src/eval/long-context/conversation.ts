/** How the questions of an example are asked: one after the other over a growing conversation, or each by itself over the same context (SCBench, 2025). */
import type { LongExample, LongTurn } from "./task.ts";

export interface AskedTurn {
  /** Ends with the question; what an answer begins with comes in `turn.lead`. */
  readonly messages: readonly { readonly role: "user" | "assistant"; readonly content: string }[];
  readonly turn: LongTurn;
}

const ask = (question: string): string => `Question: ${question}`;

/** Later questions come after the right answers to those before, whatever was answered: a mistake cannot leak. */
export function multiTurn({ context, turns }: LongExample): AskedTurn[] {
  return turns.map((turn, t) => ({
    turn,
    messages: turns
      .slice(0, t + 1)
      .flatMap(({ question, reply }, i) => [
        { role: "user" as const, content: i === 0 ? `${context}\n${ask(question)}` : ask(question) },
        ...(i < t ? [{ role: "assistant" as const, content: reply }] : []),
      ]),
  }));
}

/** Every question by itself: a cache that is made from the context alone serves all of them. */
export function multiRequest({ context, turns }: LongExample): AskedTurn[] {
  return turns.map((turn) => ({
    turn,
    messages: [{ role: "user", content: `${context}\n${ask(turn.question)}` }],
  }));
}
