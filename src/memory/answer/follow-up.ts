/**
 * Questions that are asked in a conversation: which of them lean on what was asked before, and on what (as Dalton et al., TREC CAsT 2019:
 * The Conversational Assistance Track, 2020, found them: most leave the topic out, or name it by a pronoun). By words alone: no model.
 */
import type { ChatMessage } from "../../model/index.ts";
import { askedTerms } from "./cover.ts";

/** Words that stand for what was named before. "that" and "there" are not among them: they most often join clauses. */
const POINTERS =
  /\b(it|its|itself|they|them|their|theirs|he|him|his|she|her|hers|this|these|those|ones|both|neither|either|else|others?|same|former|latter|such|instead)\b/i;
/** Openings that go on from something. */
const GOES_ON = /^\s*(and|but|or|so|also|then|what about|how about|what of|what else|why not)\b/i;
/** Earlier questions that a chain of such goes back at most. */
const MOST_BACK = 3;
/** A term of an earlier question counts so much beside one of this. */
const EARLIER = 0.5;

export interface FollowUp {
  /** The question with those that it leans on before it, as a text to look for and to answer. */
  readonly text: string;
  /** What the terms of the earlier ones count for beside its own: 0 to 1. */
  readonly shareOf: (term: string) => number;
  /** Terms of the question itself. */
  readonly own: readonly string[];
}

/** Whether a question cannot be understood alone, as far as its words tell. */
export function leansBack(question: string): boolean {
  return POINTERS.test(question) || GOES_ON.test(question) || askedTerms(question).length === 0;
}

/** @param earlier questions, in order. @returns undefined where the question stands alone, or there is nothing before it */
export function followUpOf(question: string, earlier: readonly string[]): FollowUp | undefined {
  if (earlier.length === 0 || !leansBack(question)) return undefined;
  const topic: string[] = [];
  for (const one of earlier.slice(-MOST_BACK).reverse()) {
    topic.unshift(one);
    if (!leansBack(one)) break;
  }
  const own = leansOnly(question) ? [] : askedTerms(question);
  const terms = new Set(own);
  return {
    text: [...topic, question].join(" "),
    shareOf: (term) => (terms.has(term) ? 1 : EARLIER),
    own,
  };
}

/** Whether nothing of a question is left once words that point are taken away: "And why is it so?" */
function leansOnly(question: string): boolean {
  const bare = question.replace(new RegExp(POINTERS.source, "gi"), " ").replace(GOES_ON, " ");
  return askedTerms(bare).length === 0;
}

/** The last question and what was said before it. Messages of other roles, and what stands behind the question, say nothing to a library. */
export function questionIn(messages: readonly ChatMessage[]): {
  readonly question: string;
  readonly before: readonly ChatMessage[];
} {
  const at = messages.findLastIndex(({ role }) => role === "user");
  const before = messages
    .slice(0, Math.max(0, at))
    .filter(({ role }) => role === "user" || role === "assistant");
  return { question: at < 0 ? "" : messages[at]!.content, before };
}
