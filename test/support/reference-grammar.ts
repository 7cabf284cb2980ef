/** Grammars and masks by trying everything: slow, obvious, the standard that the recogniser is held to. */
import type { Expression, Grammar } from "../../src/model/grammar/expression.ts";

/** True where the whole text follows the grammar. */
export function matches(grammar: Grammar, text: string): boolean {
  const chars = [...text];
  return ends(grammar, grammar.rules.get(grammar.root)!, chars, 0).has(chars.length);
}

/** Where texts of the expression that begin at `from` may end. */
function ends(grammar: Grammar, expression: Expression, chars: readonly string[], from: number): Set<number> {
  switch (expression.kind) {
    case "literal": {
      const own = [...expression.text];
      return new Set(own.every((char, i) => chars[from + i] === char) ? [from + own.length] : []);
    }
    case "class": {
      const code = chars[from]?.codePointAt(0);
      const isIn =
        code !== undefined && expression.ranges.some(([first, last]) => code >= first && code <= last);
      return new Set(isIn ? [from + 1] : []);
    }
    case "bytes":
      throw new Error("bytes are no characters");
    case "rule":
      return ends(grammar, grammar.rules.get(expression.name)!, chars, from);
    case "sequence": {
      let starts = new Set([from]);
      for (const part of expression.parts) starts = endsFrom(grammar, part, chars, starts);
      return starts;
    }
    case "choice":
      return union(expression.options.map((option) => ends(grammar, option, chars, from)));
    case "repeat": {
      const out = new Set<number>();
      let starts = new Set([from]);
      // more rounds than characters bring nothing new
      for (let times = 0; times <= Math.min(expression.max, expression.min + chars.length); times++) {
        if (times >= expression.min) for (const start of starts) out.add(start);
        starts = endsFrom(grammar, expression.part, chars, starts);
      }
      return out;
    }
  }
}

function endsFrom(
  grammar: Grammar,
  part: Expression,
  chars: readonly string[],
  starts: Set<number>,
): Set<number> {
  return union([...starts].map((start) => ends(grammar, part, chars, start)));
}

function union(sets: readonly Set<number>[]): Set<number> {
  return new Set(sets.flatMap((set) => [...set]));
}
