/** What tuning found the cube worth, as the end of a sentence; "" for the default. */
import type { TunedRecall } from "../memory/types.ts";

export function cubeWeight(cube: TunedRecall["cube"]): string {
  if (cube === undefined) return "";
  if (typeof cube === "number") return `; the cube weighs ${cube}`;
  return "; what the cube's labels weigh was learnt";
}
