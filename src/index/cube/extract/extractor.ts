/** Extractors: what a document is filed under. Each knows some dimensions; several are asked side by side. */
import { MnemeError } from "../../../errors.ts";
import type { Labels } from "../cube-index.ts";

export interface Extractor {
  /** Dimensions that it fills. */
  readonly dimensions: readonly string[];
  extract(text: string, signal?: AbortSignal): Labels | Promise<Labels>;
}

/** Labels of all extractors; of a dimension that several fill the labels are put together. */
export async function extractAll(
  extractors: readonly Extractor[],
  text: string,
  signal?: AbortSignal,
): Promise<Labels> {
  const all: Record<string, Record<string, number>> = {};
  for (const extractor of extractors) {
    const labels = await extractor.extract(text, signal);
    for (const [dimension, ofIt] of Object.entries(labels)) {
      if (!extractor.dimensions.includes(dimension))
        throw new MnemeError(
          "ARGUMENT",
          `cube: an extractor gave labels of ${JSON.stringify(dimension)}; it names ${extractor.dimensions.join(", ")}`,
        );
      all[dimension] ??= {};
      for (const [label, times] of Object.entries(ofIt))
        all[dimension][label] = (all[dimension][label] ?? 0) + times;
    }
  }
  return all;
}

/** All dimensions of some extractors, each once. */
export function dimensionsOf(extractors: readonly Extractor[]): string[] {
  return [...new Set(extractors.flatMap(({ dimensions }) => dimensions))];
}

export type Counts = Record<string, number>;

export function count(counts: Counts, label: string): void {
  counts[label] = (counts[label] ?? 0) + 1;
}
