/** What tuning found, as a part of a sentence. */
import type { TunedRecall } from "../memory/types.ts";

export function tunedWeights({ first, last, alone, passages, cube }: TunedRecall): string {
  const ofMeaning =
    passages === 0
      ? `${alone}, without feedback, and ${first} before and ${last} after it where a search asks for it`
      : `${first} before and ${last} after feedback by ${passages} passages, ${alone} without`;
  return `meaning weighs ${ofMeaning}${cubeWeight(cube)}`;
}

/** "" for the default. */
function cubeWeight(cube: TunedRecall["cube"]): string {
  if (cube === undefined) return "";
  if (typeof cube === "number") return `; the cube weighs ${cube}`;
  return "; what the cube's labels weigh was learnt";
}
