/** Recall of codes on the sets of the benchmark: all rows scored as an index does it, codes of equal score sharing the places left. */
import type { Coder, Scorer } from "../src/codecs/codec.ts";
import { rowOf } from "../src/linalg/matrix.ts";
import { type BebrSet, K } from "./bebr-data.ts";

/** Scores of all rows, a query at a time. @param ask makes the scorer; by default the coder's own */
export function recallOf(
  set: BebrSet,
  coder: Coder,
  ask: (query: Float32Array) => Scorer = (query) => coder.scorer(query, "cosine"),
): number {
  const count = set.rows.rows;
  const codes = coder.encode(set.rows);
  const { scan } = coder;
  const held = scan ? scan.arrange(codes, count) : codes;
  const scores = new Float32Array(scan ? Math.ceil(count / scan.rows) * scan.rows : count);
  let right = 0;
  let wanted = 0;
  for (let q = 0; q < set.queries.rows; q++) {
    const scorer = ask(rowOf(set.queries, q));
    if (scan) scorer.scoreBlocks!(held, scores);
    else scorer.score(held, 0, count, scores);
    right += foundOf(scores.subarray(0, count), set.truth[q]!);
    wanted += set.truth[q]!.size;
  }
  return right / wanted;
}

/** How many right rows are among the K best, on average over the orders of equal ones. */
function foundOf(scores: Float32Array, right: ReadonlySet<number>): number {
  const least = scores.slice().sort().at(-K)!;
  let above = 0;
  let equal = 0;
  for (const score of scores) {
    if (score > least) above++;
    else if (score === least) equal++;
  }
  let found = 0;
  for (const row of right) {
    if (scores[row]! > least) found++;
    else if (scores[row] === least) found += (K - above) / equal;
  }
  return found;
}
