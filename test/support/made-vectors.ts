/** Test support: items with vectors of their own, in clusters, and a space for them. */
import { createHash } from "node:crypto";
import type { Embedder } from "../../src/embed/embedder.ts";
import type { Item } from "../../src/index.ts";
import { matrix } from "../../src/linalg/matrix.ts";
import { Random } from "../../src/linalg/random.ts";

const CLUSTERS = 40;
const SPREAD = 0.7;

/** Unit vectors about common centres, as those of passages are. */
export function madeVectors(count: number, dim: number, seed: number): Float32Array[] {
  const centre = (cluster: number): Float32Array => gaussian(new Random(1000 + cluster), dim);
  const centres = Array.from({ length: CLUSTERS }, (_, cluster) => centre(cluster));
  const random = new Random(seed);
  return Array.from({ length: count }, () => {
    const near = centres[random.integer(CLUSTERS)]!;
    return unit(gaussian(random, dim).map((value, i) => SPREAD * value + near[i]!));
  });
}

/** One passage each; every tenth has the tag "tenth", and `half` says which half of the numbers it is in. */
export function madeItems(count: number, dim: number, seed = 1): Item[] {
  return madeVectors(count, dim, seed).map((vector, i) => ({
    id: `item${i}`,
    text: `passage number${i} of thing${i % 100}`,
    meta: { half: i < count / 2 ? "first" : "second", tag: i % 10 === 0 ? "tenth" : "other", number: i },
    vector,
  }));
}

/** A space of `dim` values; texts fall on vectors by their hash. */
export function madeEmbedder(dim: number, model = "made"): Embedder {
  return {
    space: { model, revision: "1", pooling: "external", dim, normalized: true },
    bytes: 0,
    async embed(texts) {
      const out = matrix(texts.length, dim);
      texts.forEach((text, i) => {
        const seed = createHash("sha256").update(text).digest().readUInt32LE(0);
        out.data.set(unit(gaussian(new Random(seed), dim)), i * dim);
      });
      return out;
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

function gaussian(random: Random, dim: number): Float32Array {
  return Float32Array.from({ length: dim }, () => random.gaussian());
}

function unit(vector: Float32Array): Float32Array {
  const norm = Math.hypot(...vector);
  return vector.map((value) => value / norm);
}
