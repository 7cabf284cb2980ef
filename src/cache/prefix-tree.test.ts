/** Groups against every way to cut the tree, on small sets of prompts. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { groupedTokens, type PrefixGroup, prefixGroups } from "./prefix-tree.ts";

const prompts = fc.array(fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 7 }), {
  minLength: 1,
  maxLength: 8,
});

/** The least tokens over all choices of starts: each prompt takes the longest chosen start that it has. */
function leastTokens(all: readonly (readonly number[])[]): number {
  const starts = new Set<string>();
  all.forEach((a, i) =>
    all.slice(i + 1).forEach((b) => {
      let at = 0;
      while (at < Math.min(a.length, b.length) && a[at] === b[at]) at++;
      if (at > 0) starts.add(a.slice(0, at).join());
    }),
  );
  const list = [...starts];
  let least = Number.POSITIVE_INFINITY;
  for (let choice = 0; choice < 2 ** list.length; choice++) {
    const chosen = list.filter((_, i) => (choice >> i) & 1);
    const used = new Set<string>();
    let tokens = 0;
    for (const prompt of all) {
      const own = chosen
        .filter((start) => prompt.slice(0, start.split(",").length).join() === start)
        .sort((a, b) => b.length - a.length)[0];
      if (own) used.add(own);
      tokens += prompt.length - (own?.split(",").length ?? 0);
    }
    for (const start of used) tokens += start.split(",").length;
    least = Math.min(least, tokens);
  }
  return least;
}

function check(all: readonly (readonly number[])[], groups: readonly PrefixGroup[]): void {
  expect(groups.flatMap(({ members }) => members).sort((a, b) => a - b)).toEqual(all.map((_, i) => i));
  for (const { start, members } of groups)
    for (const member of members)
      expect(all[member]!.slice(0, start)).toEqual(all[members[0]!]!.slice(0, start));
}

test("groups compute the fewest tokens", () => {
  fc.assert(
    fc.property(prompts, (all) => {
      const groups = prefixGroups(all);
      check(all, groups);
      expect(groupedTokens(all, groups)).toBe(leastTokens(all));
    }),
    { seed: 8, numRuns: 300 },
  );
});

test("prompts that end inside others, doubles, deep chains", () => {
  const chain = Array.from({ length: 3000 }, (_, i) => Array.from({ length: i + 1 }, () => 1));
  check(chain.slice(0, 200), prefixGroups(chain.slice(0, 200)));
  expect(
    prefixGroups([
      [1, 2],
      [1, 2],
      [1, 2],
    ]),
  ).toEqual([{ start: 2, members: [0, 1, 2] }]);
  expect(prefixGroups([])).toEqual([]);
  expect(prefixGroups([[5]])).toEqual([{ start: 0, members: [0] }]);
});
