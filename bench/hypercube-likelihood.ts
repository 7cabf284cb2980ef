/**
 * What a language model makes of the first documents of each question: how likely it finds the question behind the passage of theirs that shares
 * most with it. Each passage is read once for all its questions.
 */
import { load } from "../src/model/load.ts";
import type { CubeSet } from "./hypercube-data.ts";
import { type Asked, passagesOf, stemmed } from "./hypercube-systems.ts";

/** Documents of a question that are read. */
const READ = 10;
/** How often it is said how far the reading is. */
const SAY_EVERY_MS = 20_000;

/** Words of a passage, and what they weigh by their rarity. */
function passages(documents: readonly string[]) {
  const ofEach = documents.map((text) =>
    passagesOf(text).map((passage) => ({ passage, words: new Set(stemmed(passage)) })),
  );
  const holders = new Map<string, number>();
  const all = ofEach.flat();
  for (const { words } of all) for (const word of words) holders.set(word, (holders.get(word) ?? 0) + 1);
  const weightOf = (word: string): number => Math.log(all.length / holders.get(word)!);
  /** The passage of a document that shares most with a question. */
  return (row: number, question: readonly string[]): string => {
    const shared = ofEach[row]!.map(({ words }) =>
      question.reduce((sum, word) => sum + (words.has(word) ? weightOf(word) : 0), 0),
    );
    return ofEach[row]![shared.indexOf(Math.max(...shared))]!.passage;
  };
}

/**
 * Of each document of each question's pool a number: by how many nats a token its passage makes the question likelier than the one that does
 * least of those read; 0 for those that are not read. @param rankings documents of each question, the likeliest to answer first
 */
export async function likelihoodFeatures(
  { documents, questions }: CubeSet,
  asked: readonly Asked[],
  rankings: readonly (readonly number[])[],
): Promise<(readonly Float64Array[])[]> {
  const passageOf = passages(documents);
  const asking = new Map<string, { readonly i: number; readonly row: number }[]>();
  for (const [i, ranking] of rankings.entries()) {
    const words = [...new Set(stemmed(questions[i]!.question))];
    for (const row of ranking.slice(0, READ)) {
      const passage = passageOf(row, words);
      const known = asking.get(passage);
      if (known) known.push({ i, row });
      else asking.set(passage, [{ i, row }]);
    }
  }
  const found = asked.map(() => new Map<number, number>());
  await using model = await load();
  let said = performance.now();
  for (const [at, [passage, ofIt]] of [...asking].entries()) {
    const likely = await model.likelihood(
      passage,
      ofIt.map(({ i }) => questions[i]!.question),
    );
    for (const [n, { i, row }] of ofIt.entries()) found[i]!.set(row, likely[n]!);
    if (performance.now() - said < SAY_EVERY_MS) continue;
    said = performance.now();
    console.error(`  ${at + 1} of ${asking.size} passages read`);
  }
  return asked.map(({ pool }, i) => {
    const least = Math.min(...found[i]!.values());
    return pool.map((row) => Float64Array.of((found[i]!.get(row) ?? least) - least));
  });
}
