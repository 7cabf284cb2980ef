/** An embedder that is made when the first text comes: what needs no vectors of a library needs no model or endpoint either. */
import { MnemeError } from "../errors.ts";
import type { Embedder, EmbedderOrigin, Space } from "./embedder.ts";

/**
 * @param space of the vectors that it will make
 * @param make called at the first text, and again where it failed. Its `embed` throws what `make` throws, and SPACE for another dimension.
 */
export function laterEmbedder(
  space: Space,
  make: () => Promise<Embedder>,
  origin?: EmbedderOrigin,
): Embedder {
  let made: Promise<Embedder> | undefined;
  const makeChecked = async (): Promise<Embedder> => {
    const embedder = await make();
    if (embedder.space.dim === space.dim) return embedder;
    await embedder[Symbol.asyncDispose]();
    throw new MnemeError(
      "SPACE",
      `embed: ${space.model} gives ${embedder.space.dim} values, the library's vectors have ${space.dim}; name the model and endpoint that made them, or \`reembed\``,
    );
  };
  const get = (): Promise<Embedder> => {
    made ??= makeChecked().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
  return {
    space,
    bytes: 0,
    ...(origin ? { origin } : {}),
    embed: async (texts, options) => (await get()).embed(texts, options),
    [Symbol.asyncDispose]: async () => {
      const embedder = await made?.catch(() => undefined);
      await embedder?.[Symbol.asyncDispose]();
    },
  };
}
