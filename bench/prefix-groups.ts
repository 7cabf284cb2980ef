/**
 * How many tokens does the optimum of groups save that the paper's greedy rule does not, and how long does planning take? Made-up prompts,
 * no model (Zheng et al., BatchLLM, 2024).
 */
import { groupedTokens, type PrefixGroup, prefixGroups } from "../src/cache/prefix-tree.ts";
import { Random } from "../src/linalg/random.ts";
import { documentPrompts, randomTree } from "./batchllm-data.ts";
import { printFigure } from "./row.ts";

const TREES = 2000;
const DEPTHS = [4, 6] as const;
const DOCUMENTS = 400;
const CHAIN = 20_000;
const SEED = 3;

/** A run of tokens behind its parent's; where prompts end, of length 0 or more. */
interface Branch {
  run: number;
  prompts: number;
  children: Branch[];
}

/** The radix tree; a prompt that ends inside others is a branch of an empty run. */
function branchOf(prompts: readonly (readonly number[])[], depth: number): Branch {
  let run = 0;
  if (prompts.length === 1) return { run: prompts[0]!.length - depth, prompts: 1, children: [] };
  const goesOn = (at: number): boolean =>
    prompts.every((prompt) => prompt.length > at && prompt[at] === prompts[0]![at]);
  while (goesOn(depth + run)) run++;
  const next = new Map<number, (readonly number[])[]>();
  const children: Branch[] = [];
  for (const prompt of prompts) {
    const token = prompt[depth + run];
    if (token === undefined) children.push({ run: 0, prompts: 1, children: [] });
    else next.set(token, [...(next.get(token) ?? []), prompt]);
  }
  for (const some of next.values()) children.push(branchOf(some, depth + run));
  return { run, prompts: prompts.length, children };
}

/** The paper's rule: a grandchild is lifted beside its parent where that saves tokens, from the leaves up. */
function maximise(node: Branch): void {
  for (const child of [...node.children]) {
    maximise(child);
    for (const grandchild of [...child.children]) {
      if (grandchild.children.length === 0) continue;
      if ((grandchild.prompts - 1) * grandchild.run <= child.run) continue;
      child.children.splice(child.children.indexOf(grandchild), 1);
      child.prompts -= grandchild.prompts;
      node.children.push({ ...grandchild, run: child.run + grandchild.run });
    }
    if (child.children.length === 1) {
      const only = child.children[0]!;
      child.run += only.run;
      child.children = only.children;
    } else if (child.prompts === 0) node.children.splice(node.children.indexOf(child), 1);
  }
}

/** Tokens of groups, the root's children: their run once, and whatever is below for each prompt. */
function greedyTokens(prompts: readonly (readonly number[])[]): number {
  const root: Branch = { run: 0, prompts: prompts.length, children: [branchOf(prompts, 0)] };
  maximise(root);
  const below = ({ children }: Branch, above: number): number =>
    children.length === 0 ? above : children.reduce((sum, child) => sum + below(child, above + child.run), 0);
  return root.children.reduce((sum, group) => sum + group.run + below(group, 0), 0);
}

function compareRules(depth: number): void {
  const random = new Random(SEED);
  let better = 0;
  let worse = 0;
  let most = 0;
  for (let i = 0; i < TREES; i++) {
    const prompts = randomTree(random, depth);
    const own = groupedTokens(prompts, prefixGroups(prompts));
    const greedy = greedyTokens(prompts);
    if (own < greedy) better++;
    if (own > greedy) worse++;
    const all = prompts.reduce((sum, { length }) => sum + length, 0);
    most = Math.max(most, (greedy - own) / all);
  }
  printFigure("prefix-groups", {
    metric: `depth ${depth}: worse than the greedy rule`,
    unit: "trees",
    ours: worse,
    better: "less",
    atMost: 0,
    note: `of ${TREES}; better in ${better}, by ${(100 * most).toFixed(1)}% of all tokens at most`,
  });
}

function timed(name: string, prompts: readonly (readonly number[])[]): readonly PrefixGroup[] {
  const started = performance.now();
  const groups = prefixGroups(prompts);
  const took = performance.now() - started;
  const all = prompts.reduce((sum, { length }) => sum + length, 0);
  const saved = 100 * (1 - groupedTokens(prompts, groups) / all);
  printFigure("prefix-groups", {
    metric: `planning: ${name}`,
    unit: "ms",
    ours: took,
    better: "less",
    note: `${prompts.length} prompts of ${all} tokens, ${groups.length} groups, saved ${saved.toFixed(1)}%`,
  });
  return groups;
}

function main(): void {
  for (const depth of DEPTHS) compareRules(depth);
  timed("documents", documentPrompts(DOCUMENTS, SEED));
  // views, as copies of such prompts would fill gigabytes
  const whole = Int32Array.from({ length: CHAIN }, (_, i) => i);
  const chain = (count: number): (readonly number[])[] =>
    Array.from({ length: count }, (_, i) => whole.subarray(0, i + 1) as unknown as readonly number[]);
  for (const count of [CHAIN / 4, CHAIN / 2, CHAIN]) timed(`a chain of ${count} prompts`, chain(count));
}

main();
