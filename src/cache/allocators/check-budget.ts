/** The door of every allocator. */
import { MnemeError } from "../../errors.ts";
import { kernels } from "../../kernels/index.ts";
import type { HeadShape } from "../parts.ts";

/** Slots beside the guard without which nothing is chosen at all. */
const CHOSEN_AT_LEAST = 4;

/** @param chosen slots that each head must be able to choose. @throws MnemeError DIMENSION, BUDGET, NOT_FINITE */
export function checkBudget(
  part: string,
  scores: readonly Float32Array[],
  perHead: number,
  { layers, kvHeads, guard }: HeadShape,
  chosen = CHOSEN_AT_LEAST,
): void {
  if (scores.length !== layers * kvHeads)
    throw new MnemeError(
      "DIMENSION",
      `${part}: scores of ${scores.length} heads; expected ${layers} layers of ${kvHeads}`,
    );
  const least = guard.sinks + guard.recent + chosen;
  if (!(perHead >= least) && scores.some(({ length }) => length > perHead))
    throw new MnemeError(
      "BUDGET",
      `${part}: ${perHead} slots a head; the guard of ${guard.sinks} + ${guard.recent} needs ${least} at least: raise the budget or shrink the guard`,
    );
  scores.forEach((head, i) => {
    const bad = kernels().findNotFinite(head);
    if (bad >= 0)
      throw new MnemeError(
        "NOT_FINITE",
        `${part}: slot ${bad} of head ${i % kvHeads} in layer ${Math.floor(i / kvHeads)} scores ${head[bad]}`,
      );
  });
}
