/**
 * Which of many prompts should share what: the tree of their common starts, cut into groups of one shared start each so that the fewest
 * tokens are computed (Zheng et al., BatchLLM: Optimizing Large Batched LLM Inference with Global Prefix Sharing, 2024; the optimum
 * instead of the paper's greedy rule).
 */
import { sharedStart } from "./prefix-store.ts";

/** Prompts that share a start; a start of 0 tokens: they share nothing. */
export interface PrefixGroup {
  readonly start: number;
  /** Numbers of the prompts. */
  readonly members: readonly number[];
}

interface Node {
  /** Tokens from the root. */
  readonly depth: number;
  readonly parent: number;
  /** The prompt that ends here, or -1 for an inner node. */
  readonly prompt: number;
}

/** @returns groups that compute the fewest tokens: each start once, and what follows it for each member. Each prompt is in one of them */
export function prefixGroups(prompts: readonly (readonly number[])[]): PrefixGroup[] {
  const nodes = treeOf(prompts);
  const starts = nearestStarts(nodes);
  const members = new Map<number, number[]>();
  nodes.forEach(({ prompt }, number) => {
    if (prompt < 0) return;
    const at = starts[number]!;
    const some = members.get(at);
    if (some) some.push(prompt);
    else members.set(at, [prompt]);
  });
  return [...members].map(([node, some]) => ({
    start: nodes[node]!.depth,
    members: some.sort((a, b) => a - b),
  }));
}

/** Tokens that groups compute. */
export function groupedTokens(
  prompts: readonly (readonly number[])[],
  groups: readonly PrefixGroup[],
): number {
  return groups.reduce(
    (sum, { start, members }) =>
      members.reduce((own, prompt) => own + prompts[prompt]!.length - start, sum + start),
    0,
  );
}

/** Parents before their children; the root, of depth 0, is the first. Prompts are leaves. */
function treeOf(prompts: readonly (readonly number[])[]): Node[] {
  const order = prompts.map((_, i) => i).sort((a, b) => compare(prompts[a]!, prompts[b]!) || a - b);
  // the depths at which neighbours part are those of the inner nodes: a tree of intervals
  const spans: { depth: number; from: number; to: number; parent: number }[] = [
    { depth: 0, from: 0, to: order.length, parent: -1 },
  ];
  const nodes: Node[] = [];
  for (let next = 0; next < spans.length; next++) {
    const { depth, from, to, parent } = spans[next]!;
    const number = nodes.length;
    nodes.push({ depth, parent, prompt: -1 });
    for (let start = from; start < to; ) {
      const prompt = prompts[order[start]!]!;
      let end = start + 1;
      // those that go on by the same token
      while (end < to && prompt.length > depth && prompts[order[end]!]![depth] === prompt[depth]) end++;
      if (end - start === 1) nodes.push({ depth: prompt.length, parent: number, prompt: order[start]! });
      else
        spans.push({
          depth: sharedStart(prompt, prompts[order[end - 1]!]!),
          from: start,
          to: end,
          parent: number,
        });
      start = end;
    }
  }
  return nodes;
}

/**
 * Of each node the nearest one above it that is the start of a group, by the least tokens. The deeper that one is, the less is computed
 * below a node: from some level on it is no start itself, and that level is all that is kept of it.
 */
function nearestStarts(nodes: readonly Node[]): number[] {
  const levels: number[] = [];
  for (const { parent } of nodes) levels.push(parent < 0 ? 0 : levels[parent]! + 1);
  // of an inner node: the least tokens of its children by the level of their nearest start; dropped once its parent has them
  const sums: Float64Array[] = [];
  const closedFrom = nodes.map(() => 0);
  for (let i = nodes.length - 1; i > 0; i--) {
    const { depth, parent, prompt } = nodes[i]!;
    sums[parent] ??= new Float64Array(levels[parent]! + 1);
    const above = sums[parent];
    const own = sums[i]!;
    if (prompt >= 0) {
      for (let at = parent; at >= 0; at = nodes[at]!.parent) above[levels[at]!]! += depth - nodes[at]!.depth;
      continue;
    }
    const opened = depth + own[levels[i]!]!;
    for (let level = 0; level < levels[i]!; level++) {
      if (opened < own[level]!) closedFrom[i] = level + 1;
      above[level]! += Math.min(opened, own[level]!);
    }
    sums[i] = NONE;
  }
  const nearest = nodes.map(() => 0);
  for (let i = 1; i < nodes.length; i++) {
    const { parent } = nodes[i]!;
    const opened = parent > 0 && levels[nearest[parent]!]! < closedFrom[parent]!;
    nearest[i] = opened ? parent : nearest[parent]!;
  }
  return nearest;
}

const NONE = new Float64Array();

function compare(a: readonly number[], b: readonly number[]): number {
  const at = sharedStart(a, b);
  if (at === a.length || at === b.length) return a.length - b.length;
  return a[at]! - b[at]!;
}
