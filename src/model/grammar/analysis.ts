/** What is known of a grammar's rules before any text: which may be empty, which come to an end, which begin with themselves. */
import { MnemeError } from "../../errors.ts";
import type { Element, Rule } from "./program.ts";

/** Numbers of the rules that the empty text follows. */
export function nullableRules(rules: readonly Rule[]): Set<number> {
  return closed(
    rules,
    (element, found) => element.kind === "call" && (element.min === 0 || found.has(element.rule)),
  );
}

/** Numbers of the rules that some text follows. */
export function productiveRules(rules: readonly Rule[]): Set<number> {
  return closed(rules, (element, found) =>
    element.kind === "call"
      ? element.min === 0 || found.has(element.rule)
      : element.set.some((word) => word !== 0),
  );
}

/** The least set of rules with an alternative all of whose elements hold, given the set. A rule is looked at again when one that it calls came in. */
function closed(
  rules: readonly Rule[],
  holds: (element: Element, found: ReadonlySet<number>) => boolean,
): Set<number> {
  const found = new Set<number>();
  const callers: number[][] = rules.map(() => []);
  rules.forEach(({ alternatives }, number) => {
    for (const element of alternatives.flat())
      if (element.kind === "call") callers[element.rule]!.push(number);
  });
  const waiting = rules.map((_, number) => number);
  for (let number = waiting.pop(); number !== undefined; number = waiting.pop()) {
    if (found.has(number)) continue;
    if (!rules[number]!.alternatives.some((one) => one.every((element) => holds(element, found)))) continue;
    found.add(number);
    waiting.push(...callers[number]!);
  }
  return found;
}

/**
 * A recogniser that goes from the left would call such a rule for ever.
 * @throws MnemeError UNSUPPORTED with the names on the way round
 */
export function checkLeftRecursion(rules: readonly Rule[], nullable: ReadonlySet<number>): void {
  const firsts = rules.map((rule) => firstCalls(rule, nullable));
  const done = new Set<number>();
  for (let from = 0; from < rules.length; from++) {
    // a path, not recursion: grammars of ten thousand rules in a row are small
    const path: { readonly rule: number; next: number }[] = [{ rule: from, next: 0 }];
    const onPath = new Set([from]);
    while (path.length > 0) {
      const top = path.at(-1)!;
      const next = firsts[top.rule]![top.next++];
      if (next === undefined || done.has(top.rule)) {
        done.add(top.rule);
        onPath.delete(top.rule);
        path.pop();
      } else if (onPath.has(next)) {
        const round = path.slice(path.findIndex(({ rule }) => rule === next));
        throw leftRecursion([...round.map(({ rule }) => rules[rule]!.name), rules[next]!.name]);
      } else if (!done.has(next)) {
        path.push({ rule: next, next: 0 });
        onPath.add(next);
      }
    }
  }
}

/** Rules that may be called before any byte is taken. */
function firstCalls({ alternatives }: Rule, nullable: ReadonlySet<number>): number[] {
  const calls = new Set<number>();
  for (const alternative of alternatives)
    for (const element of alternative) {
      if (element.kind === "bytes") break;
      calls.add(element.rule);
      if (element.min > 0 && !nullable.has(element.rule)) break;
    }
  return [...calls];
}

function leftRecursion(names: readonly string[]): MnemeError {
  const way = names.filter((name, i) => name !== names[i - 1]);
  const round = way.length === 1 ? `${way[0]} > ${way[0]}` : way.slice(0, 10).join(" > ");
  return new MnemeError(
    "UNSUPPORTED",
    `grammar: rule "${way[0]}" begins with itself (${round}); write it as a repetition, such as  item ("," item)*`,
  );
}
