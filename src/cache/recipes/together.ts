/** Several policies on one cache, called in order: one that evicts, then one that encodes what is left. */
import { MnemeError } from "../../errors.ts";
import { needsOf } from "../evict.ts";
import type { CachePolicy, GovernedCache } from "../policy.ts";

type When = "afterPiece" | "afterPrompt" | "afterTokens";

/** @throws MnemeError ARGUMENT where an encoding one comes before one that evicts: slots of encoded pages cannot be taken apart */
export function together(first: CachePolicy, ...rest: readonly CachePolicy[]): CachePolicy {
  const all = [first, ...rest];
  const encodes = all.findIndex(({ evicts }) => !evicts);
  if (encodes >= 0 && all.slice(encodes).some(({ evicts }) => evicts))
    throw new MnemeError(
      "ARGUMENT",
      "cache: policies that evict come first; what is encoded cannot be taken apart",
    );
  if (encodes > 0 && all.slice(0, encodes).some(({ afterTokens, wholePages }) => afterTokens && !wholePages))
    throw new MnemeError(
      "UNSUPPORTED",
      `cache: ${first.name} goes on evicting while text is generated, and cannot take encoded slots apart; use snapkv, or encode nothing`,
    );
  const run = (when: When) => (cache: GovernedCache) => {
    for (const policy of all) policy[when]?.(cache);
  };
  const intervals = all.flatMap(({ interval }) => (interval === undefined ? [] : [interval]));
  const codec = all.find((policy) => policy.codec !== undefined)?.codec;
  return {
    name: all.map(({ name }) => name).join("+"),
    needs: needsOf(...all.map(({ needs }) => needs)),
    evicts: all.some(({ evicts }) => evicts),
    turned: all.some(({ turned }) => turned),
    ...(codec ? { codec } : {}),
    ...(intervals.length > 0 ? { interval: Math.min(...intervals) } : {}),
    afterPiece: run("afterPiece"),
    afterPrompt: run("afterPrompt"),
    afterTokens: run("afterTokens"),
  };
}
