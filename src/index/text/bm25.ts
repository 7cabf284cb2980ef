/** BM25 (Robertson & Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009), with the idf that is never negative. */

export interface Bm25Options {
  /** Saturation of term frequency. */
  readonly k1?: number;
  /** How much long rows are held back, 0 to 1. */
  readonly b?: number;
}

export const bm25Defaults = { k1: 1.2, b: 0.75 } as const;

export function inverseDocumentFrequency(rows: number, frequency: number): number {
  return Math.log(1 + (rows - frequency + 0.5) / (frequency + 0.5));
}

/** k1 (1 - b + b length / average), the part that depends on the row. */
export function lengthNorm(length: number, average: number, k1: number, b: number): number {
  return k1 * (1 - b + (b * length) / average);
}

/** Between 0 and k1 + 1. */
export function saturation(frequency: number, norm: number, k1: number): number {
  return (frequency * (k1 + 1)) / (frequency + norm);
}
