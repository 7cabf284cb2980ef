/** States of the last tokens of many short sequences, several of them a step. */
import { PagedCache } from "../cache/paged-cache.ts";
import { MnemeError } from "../errors.ts";
import type { WasmFace } from "../kernels/index.ts";
import { type Matrix, matrix } from "../linalg/matrix.ts";
import type { Decoder } from "./decoder.ts";
import { MOST_TILES, MOST_TOKENS, tilesOf } from "./step-tables.ts";

/** @param pause between steps. @returns `last` rows for each sequence. @throws MnemeError RANGE */
export async function lastStates(
  face: WasmFace,
  decoder: Decoder,
  sequences: readonly (readonly number[])[],
  last: number,
  pause: () => Promise<void>,
): Promise<Matrix> {
  const { width } = decoder.config;
  for (const [i, { length }] of sequences.entries())
    if (!(last >= 1 && length >= last && length <= MOST_TOKENS))
      throw new MnemeError(
        "RANGE",
        `states: the last ${last} of the ${length} tokens of sequence ${i}; expected 1 to all of at most ${MOST_TOKENS}`,
      );
  const out = matrix(sequences.length * last, width);
  for (let from = 0; from < sequences.length; ) {
    await pause();
    const group = groupFrom(sequences, from);
    const spans = group.map((tokens) => ({
      tokens,
      cache: new PagedCache(face, decoder.shape),
      logits: "all" as const,
    }));
    try {
      const states = decoder.states(spans);
      let row = 0;
      for (const [i, { length }] of group.entries()) {
        row += length;
        out.data.set(states.subarray((row - last) * width, row * width), (from + i) * last * width);
      }
    } finally {
      for (const { cache } of spans) cache[Symbol.dispose]();
    }
    from += group.length;
  }
  return out;
}

/** As many sequences as one step takes. */
function groupFrom(sequences: readonly (readonly number[])[], from: number): (readonly number[])[] {
  const group: (readonly number[])[] = [];
  let [rows, tiles] = [0, 0];
  for (let i = from; i < sequences.length; i++) {
    const tokens = sequences[i]!;
    rows += tokens.length;
    tiles += tilesOf({ tokens });
    if (rows > MOST_TOKENS || tiles > MOST_TILES) break;
    group.push(tokens);
  }
  return group;
}
