/**
 * Hashtags for short posts, taken out of them as targets: F1 of the first and of the first five, on the test part; by a selector learnt from the training
 * part, beside plain weights, the votes of neighbours alone, the paper's ranking without its learned selector, and the tags that are used
 * most. Time of a suggestion over all posts of the training part.
 */
import { f1At } from "../src/eval/metrics.ts";
import { pairedRandomisation } from "../src/eval/significance.ts";
import { open } from "../src/memory/index.ts";
import type { Hit } from "../src/memory/types.ts";
import { printFigure, quantile, switches } from "./row.ts";
import { type TaggedPost, taggedPosts } from "./tags-data.ts";

const BENCH = "tags";
const POSTS = Math.round(4000 * switches.scale);
/** Posts of the training part that the selector is learnt from. */
const LESSONS = Math.round(4000 * switches.scale);
/** As the paper has it; more for votes alone, which are better with more. */
const NEIGHBOURS = { paper: 10, votes: 50 } as const;

/** Tags by a score of their votes: scores of the neighbours that have them, as shares of the best. */
function ranked(hits: readonly Hit[], scoreOf: (votes: readonly number[]) => number): string[] {
  const votes = new Map<string, number[]>();
  for (const { meta, score } of hits)
    for (const tag of meta.tags as readonly string[])
      votes.set(tag, [...(votes.get(tag) ?? []), score / hits[0]!.score]);
  const scored = [...votes].map(([tag, of]) => ({ tag, score: scoreOf(of) }));
  return scored.sort((a, b) => b.score - a.score || (a.tag < b.tag ? -1 : 1)).map(({ tag }) => tag);
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function mostUsed(posts: readonly TaggedPost[]): string[] {
  const counts = new Map<string, number>();
  for (const { tags } of posts) for (const tag of tags) counts.set(tag, (counts.get(tag) ?? 0) + 1);
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .slice(0, 5)
    .map(([tag]) => tag);
}

const seen = new Set<string>();
const train = taggedPosts("train", seen);
taggedPosts("val", seen);
const test = taggedPosts("test", seen).slice(0, POSTS);
await using memory = await open(":memory:");
await memory.add(train.map(({ id, text, tags }) => ({ id, text, meta: { tags: [...tags] } })));
await memory.idle();
const frequent = mostUsed(train);
/** F1 of each post by system. */
const scores = new Map<string, { first: number[]; five: number[] }>();
const take = (system: string, tags: readonly string[], gold: readonly string[]): void => {
  const of = scores.get(system) ?? { first: [], five: [] };
  scores.set(system, of);
  of.first.push(f1At(tags, gold, 1));
  of.five.push(f1At(tags, gold, 5));
};
for (const { text, tags: gold } of test)
  take(
    "plain weights",
    (await memory.suggestTags(text)).map(({ tag }) => tag),
    gold,
  );
const learnt = await memory.learnTags({ items: Math.max(50, LESSONS) });
console.log(
  `learnt from ${learnt.items} posts of the training part: F1 ${learnt.untuned.toFixed(4)} by plain weights, ${learnt.crossValidated.toFixed(4)} cross-validated, ${learnt.selector ? "kept" : "not kept"}`,
);
const times: number[] = [];
for (const { text, tags: gold } of test) {
  const started = performance.now();
  const suggested = await memory.suggestTags(text);
  times.push(performance.now() - started);
  const { hits } = await memory.search(text, { k: NEIGHBOURS.votes, snippet: 0 });
  const given = {
    ours: suggested.map(({ tag }) => tag),
    "votes of 50 neighbours": ranked(hits, sum),
    "the paper's ranking, no selector": ranked(
      hits.slice(0, NEIGHBOURS.paper),
      (votes) => (sum(votes) / votes.length) * (1 + (votes.length - 1) / 10),
    ),
    "most used": frequent,
  };
  for (const [system, tags] of Object.entries(given)) take(system, tags, gold);
}
const ours = scores.get("ours")!;
const mean = (values: readonly number[]): number => sum(values) / values.length;
for (const [system, of] of scores) {
  if (system === "ours") continue;
  for (const measure of ["first", "five"] as const)
    printFigure(BENCH, {
      system,
      metric: `F1 of ${measure === "first" ? "the first" : "five"}`,
      unit: "",
      ours: mean(ours[measure]),
      baseline: mean(of[measure]),
      better: "more",
      note: `${test.length} posts against ${train.length}, p ${pairedRandomisation(ours[measure], of[measure]).toPrecision(2)}`,
    });
}
printFigure(BENCH, {
  metric: "a suggestion, p50",
  unit: "ms",
  ours: quantile(times, 0.5),
  better: "less",
  atMost: 5,
});
