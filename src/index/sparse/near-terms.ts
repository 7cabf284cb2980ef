/** Terms whose vectors are near each other, by comparing all of them. */

/** Values of a vector that are compared. */
const DIM = 64;
/** Nearest terms that a term is expanded by, and from which cosine on. */
const NEIGHBOURS = 3;
const LEAST_COSINE = 0.55;

/** The first values of a vector, of unit length; zeros where they are. */
export function unitPart(vector: Float32Array): Float32Array {
  const part = vector.slice(0, DIM);
  const norm = Math.sqrt(part.reduce((sum, value) => sum + value * value, 0)) || 1;
  return part.map((value) => value / norm);
}

export interface NearTerm {
  readonly term: string;
  readonly cosine: number;
}

/** @param vectors of unit length. @returns of each term its nearest, nearest first */
export function nearTerms(vectors: ReadonlyMap<string, Float32Array>): Map<string, NearTerm[]> {
  const terms = [...vectors.keys()];
  const all = terms.map((term) => vectors.get(term)!);
  const near = terms.map((): NearTerm[] => []);
  for (let i = 0; i < terms.length; i++)
    for (let j = i + 1; j < terms.length; j++) {
      const cosine = dot(all[i]!, all[j]!);
      if (cosine < LEAST_COSINE) continue;
      near[i]!.push({ term: terms[j]!, cosine });
      near[j]!.push({ term: terms[i]!, cosine });
    }
  return new Map(
    terms.map((term, i) => [
      term,
      near[i]!.sort((a, b) => b.cosine - a.cosine || (a.term < b.term ? -1 : 1)).slice(0, NEIGHBOURS),
    ]),
  );
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
