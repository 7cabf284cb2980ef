/**
 * Do scores of different searches compare? Libraries of three judged sets are asked their own judged queries and those of the other sets:
 * how often the best hit of an own query scores above that of a foreign one (area under the ROC curve; 0.5 says nothing). Beside it the
 * same of the cosine of the best passage by meaning, and of its BM25, as a search by that alone scores.
 */
import { type Memory, open } from "../src/memory/index.ts";
import { JUDGED_SETS, type JudgedSet, readJudgedSet } from "./judged-sets.ts";
import { printFigure } from "./row.ts";

const names = Object.keys(JUDGED_SETS) as JudgedSet[];
const sets = await Promise.all(names.map(readJudgedSet));

/** Share of pairs in which the first list's number is the larger one; equal ones count half. */
function areaUnderCurve(own: readonly number[], foreign: readonly number[]): number {
  let won = 0;
  for (const a of own) for (const b of foreign) won += a > b ? 1 : a === b ? 0.5 : 0;
  return won / (own.length * foreign.length);
}

/** A `minScore` that the documentation recommends. */
const LIMIT = 0.3;

type Retriever = "hybrid" | "words" | "meaning";

async function bestScores(
  memory: Memory,
  queries: readonly string[],
  retriever: Retriever,
): Promise<number[]> {
  const scores: number[] = [];
  for (const query of queries) {
    const { hits } = await memory.search(query, { retriever, k: 1, snippet: 0 });
    scores.push(hits[0]?.score ?? 0);
  }
  return scores;
}

for (const [at, name] of names.entries()) {
  await using memory = await open(":memory:");
  await memory.add(
    sets[at]!.documents.map(({ id, title, text }) => ({ id, title, text: `${title}\n\n${text}` })),
  );
  await memory.idle();
  const textsOf = (set: number): string[] => sets[set]!.queries.map(({ text }) => text);
  const own = textsOf(at);
  const foreign = names.flatMap((_, set) => (set === at ? [] : textsOf(set)));
  const told = async (retriever: Retriever): Promise<{ curve: number; above: readonly number[] }> => {
    const lists = [await bestScores(memory, own, retriever), await bestScores(memory, foreign, retriever)];
    const above = lists.map((scores) => scores.filter((score) => score >= LIMIT).length / scores.length);
    return { curve: areaUnderCurve(lists[0]!, lists[1]!), above };
  };
  const {
    curve,
    above: [kept, strange],
  } = await told("hybrid");
  printFigure("scores", {
    system: "cosine alone",
    metric: `${name}: own queries told from foreign ones by the score of the best hit`,
    unit: "AUC",
    ours: curve,
    baseline: (await told("meaning")).curve,
    better: "more",
    least: 0.9,
    note: `BM25 alone ${(await told("words")).curve.toFixed(3)}; ${LIMIT} and more: own ${kept!.toFixed(2)}, foreign ${strange!.toFixed(2)}`,
  });
}
