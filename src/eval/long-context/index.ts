/** Long contexts: tasks made from seeds, how they are asked, and how answers are scored. */
export { ANSWER_SCORERS, type AnswerScorer, scoreAnswer } from "./answer-score.ts";
export { type ChoiceProblem, choiceProblem, type WordProblem, wordProblem } from "./arithmetic.ts";
export { chineseFactsTask } from "./chinese-facts.ts";
export { type CodeFunction, codeFunctions } from "./code-functions.ts";
export { type CodeRepositoryOptions, codeRepositoryTask } from "./code-repository.ts";
export { type AskedTurn, multiRequest, multiTurn } from "./conversation.ts";
export { type FactBookOptions, factBookTask } from "./fact-book.ts";
export { jointKeyTask, type KeyValueOptions, keyValueTask, prefixSuffixTask } from "./key-values.ts";
export {
  type ListedOptions,
  listedFactsTask,
  listedKeysTask,
  listedProblemsTask,
  listedSumsTask,
} from "./listed-answers.ts";
export {
  type LongAnswerOptions,
  type LongAnswerPrompt,
  type LongAnswerScore,
  lenientScore,
  longAnswerPrompts,
  scoreLongAnswer,
} from "./long-answer.ts";
export { mixedTask } from "./mixed.ts";
export { type NeedleOptions, needleTask } from "./needles.ts";
export { type ReadAnswers, readAnswers, readNumbered } from "./numbered.ts";
export { type AccuracyDrop, accuracyDrop, positionSlope } from "./position-score.ts";
export { type ReciteOptions, reciteTask } from "./recite.ts";
export { readRuler } from "./ruler-file.ts";
export { LONG_TASKS, longTaskNamed } from "./suite.ts";
export { type SummaryOptions, summaryTask } from "./summaries.ts";
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
export { bleu, rougeLsum } from "./text-similarity.ts";
export { type VariableOptions, variableTask } from "./variables.ts";
export { countingTask, findNumberTask, manyShotTask } from "./whole-context.ts";
export { commonWordsTask, frequentWordsTask } from "./word-counts.ts";
export { PUZZLE_KINDS, type PuzzleKind, workedExamplesTask } from "./worked-examples.ts";
export {
  DEMAND_KINDS,
  type DemandKind,
  type PlanDemand,
  type PlanScore,
  planOf,
  scorePlan,
  type WrittenPlan,
  type WrittenPlanOptions,
  writtenPlanTask,
} from "./written-plan.ts";
