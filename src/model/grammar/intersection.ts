/** Texts that follow several expressions at once: the states of their recognisers side by side, each combination a rule (Rabin & Scott, Finite Automata and Their Decision Problems, 1959). */
import { addByte, type ByteSet, byteSet } from "./code-points.ts";
import { choice, EMPTY, type Expression, sequence } from "./expression.ts";
import { programOf } from "./program.ts";
import { Recogniser, type State } from "./recogniser.ts";

/** Combinations of states at most. */
const MOST_STATES = 2 ** 14;
const ROOT = "";

/**
 * @param expressions without recursion: what they lead to must come to an end
 * @param rules that they call
 * @param define takes the rules that are made
 * @returns undefined where there are more combinations than are followed
 */
export function intersectionOf(
  expressions: readonly Expression[],
  rules: ReadonlyMap<string, Expression>,
  define: (state: number, expression: Expression) => Expression,
): Expression | undefined {
  const recognisers = expressions.map(
    (expression) => new Recogniser(programOf({ root: ROOT, rules: new Map([...rules, [ROOT, expression]]) })),
  );
  const numbers = new Map<State, number>();
  const numberOf = (state: State): number => {
    const number = numbers.get(state) ?? numbers.size;
    numbers.set(state, number);
    return number;
  };
  const known = new Map<string, Expression>();
  const waiting: { readonly number: number; readonly states: readonly State[] }[] = [];
  const callOf = (states: readonly State[]): Expression => {
    const key = states.map(numberOf).join();
    const found = known.get(key);
    if (found) return found;
    waiting.push({ number: known.size, states });
    const call = define(known.size, EMPTY);
    known.set(key, call);
    return call;
  };
  const start = callOf(recognisers.map((recogniser) => recogniser.start));
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    if (known.size > MOST_STATES) return undefined;
    const options = [...leads(recognisers, next.states, callOf)].map(([call, set]) =>
      sequence({ kind: "bytes", set }, call),
    );
    if (next.states.every((state) => state.ends)) options.push(EMPTY);
    define(next.number, choice(...options));
  }
  return start;
}

/** For each combination that a byte leads to the bytes that do. */
function leads(
  recognisers: readonly Recogniser[],
  states: readonly State[],
  callOf: (states: readonly State[]) => Expression,
): Map<Expression, ByteSet> {
  const out = new Map<Expression, ByteSet>();
  for (let byte = 0; byte < 256; byte++) {
    const next = recognisers.map((recogniser, i) => recogniser.step(states[i]!, byte));
    if (next.includes(undefined)) continue;
    const call = callOf(next as State[]);
    const set = out.get(call) ?? byteSet([]);
    addByte(set, byte);
    out.set(call, set);
  }
  return out;
}
