/** Functions found in a repository by what they do (Liu et al., RepoQA: Evaluating Long Context Code Understanding, 2024; SCBench, 2025). */
import type { Random } from "../../linalg/random.ts";
import { type CodeFunction, codeFunctions } from "./code-functions.ts";
import { type LongTask, type LongTurn, longTask, takeWhileFits } from "./task.ts";
import { nameOf, numberOf, pairOf } from "./vocabulary.ts";

export interface CodeRepositoryOptions {
  /** Functions asked for. */
  readonly turns?: number;
  /** A key with a value stands behind each function; after each function a key is asked for too (SCBench's mix of code and keys). */
  readonly keys?: boolean;
}

/** Functions of one file. */
const FILE_FUNCTIONS = 4;
/** Tokens of one function at most, about. */
const FUNCTION_TOKENS = 150;

/** The answer is the whole function, as it stands there. */
export function codeRepositoryTask(
  name: string,
  { turns = 3, keys = false }: CodeRepositoryOptions = {},
): LongTask {
  const family = keys ? "multi-task" : "semantic";
  const least = FUNCTION_TOKENS * (turns + 1);
  return longTask(name, family, least, (random, { tokens, countTokens }) => {
    const intro = keys
      ? "Read the code of the repository, and remember the keys and values in its comments.\n"
      : "Read the code of the repository below.\n";
    const functions: CodeFunction[] = [];
    const pairs = new Map<string, string>();
    const made = piecesOf(random, functions, keys ? pairs : undefined);
    const pieces = takeWhileFits(made, tokens - countTokens(intro), countTokens);
    const shown = functions.slice(0, pieces.length);
    const sources = shown.map(({ source }) => source);
    const asked = random
      .shuffle(random.sample(shown.length, turns))
      .map((i) => functionTurn(shown[i]!, sources));
    const shownPairs = [...pairs].slice(0, pieces.length);
    const keyTurns = keys ? random.sample(shownPairs.length, turns).map((i) => keyTurn(shownPairs[i]!)) : [];
    return {
      context: `${intro}${pieces.join("").trimEnd()}`,
      turns: asked.flatMap((turn, i) => (keyTurns[i] ? [turn, keyTurns[i]] : [turn])),
      scorer: "code",
    };
  });
}

function* piecesOf(
  random: Random,
  functions: CodeFunction[],
  pairs: Map<string, string> | undefined,
): Generator<string> {
  for (const one of codeFunctions(random)) {
    const path = `src/${nameOf(random)}/${nameOf(random)}.js`.toLowerCase();
    const head = functions.length % FILE_FUNCTIONS === 0 ? `// file: ${path}\n\n` : "";
    functions.push(one);
    yield `${head}${one.source}\n\n${pairs ? pairLine(random, pairs) : ""}`;
  }
}

function pairLine(random: Random, pairs: Map<string, string>): string {
  for (;;) {
    const key = `${pairOf(random)}-${numberOf(random, 2)}`;
    if (pairs.has(key)) continue;
    const value = numberOf(random, 7);
    pairs.set(key, value);
    return `// "${key}": "${value}"\n\n`;
  }
}

const functionTurn = ({ description, source }: CodeFunction, sources: readonly string[]): LongTurn => ({
  question: `Which function fits this description? Give its code as it stands in the repository, and nothing else.\n${description}`,
  answers: [source],
  others: sources.filter((one) => one !== source),
  reply: source,
});

const keyTurn = ([key, value]: readonly [string, string]): LongTurn => ({
  question: `What is the value of the key "${key}" in the comments?`,
  answers: [value],
  reply: `"${key}": "${value}"`,
  scorer: "any",
});
