/** Examples of the long-context tasks for tests, of tokens counted without a model. */
import { type LongExample, type LongTurn, longTaskNamed, scoreAnswer } from "../../src/eval/index.ts";

export const countTokens = (text: string): number =>
  (text.match(/[A-Za-z]+|\d|[^\sA-Za-z\d]|\n/g) ?? []).length;

export const made = (name: string, tokens = 1200): LongExample[] => [
  ...longTaskNamed(name).make({ seed: 7, tokens, count: 3, countTokens }),
];

export const score = (example: LongExample, turn: LongTurn, given: string): number =>
  scoreAnswer(turn.scorer ?? example.scorer, given, turn.answers, turn.others);
