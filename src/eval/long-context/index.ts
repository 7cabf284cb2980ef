/** Long contexts: tasks made from seeds, how they are asked, and how answers are scored. */
export { ANSWER_SCORERS, type AnswerScorer, scoreAnswer } from "./answer-score.ts";
export { type WordProblem, wordProblem } from "./arithmetic.ts";
export { type AskedTurn, multiRequest, multiTurn } from "./conversation.ts";
export { type FactBookOptions, factBookTask } from "./fact-book.ts";
export { jointKeyTask, type KeyValueOptions, keyValueTask, prefixSuffixTask } from "./key-values.ts";
export {
  type LongAnswerOptions,
  type LongAnswerPrompt,
  type LongAnswerScore,
  lenientScore,
  longAnswerPrompts,
  type ReadAnswers,
  readAnswers,
  scoreLongAnswer,
} from "./long-answer.ts";
export { mixedTask } from "./mixed.ts";
export { type NeedleOptions, needleTask } from "./needles.ts";
export { type ReciteOptions, reciteTask } from "./recite.ts";
export { readRuler } from "./ruler-file.ts";
export { LONG_TASKS, longTaskNamed } from "./suite.ts";
export {
  type LongExample,
  type LongTask,
  type LongTurn,
  type MakeOptions,
  PHRASINGS,
  type Phrasing,
  TASK_FAMILIES,
  type TaskFamily,
} from "./task.ts";
export { type VariableOptions, variableTask } from "./variables.ts";
export { countingTask, findNumberTask, manyShotTask } from "./whole-context.ts";
export { commonWordsTask, frequentWordsTask } from "./word-counts.ts";
