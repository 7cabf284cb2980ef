/** Extractors: what a document is filed under. Each knows some dimensions; several are asked side by side. */
import { MnemeError, throwIfAborted } from "../../../errors.ts";
import type { Meta } from "../../filter/where.ts";
import type { Labels } from "../cube-index.ts";
import { mended } from "./mended.ts";

/** What is known of a text beside its words. */
export interface About {
  readonly title?: string;
  readonly meta?: Meta;
  readonly mediaType?: string;
  readonly signal?: AbortSignal | undefined;
}

export interface Extractor {
  /** Dimensions that it fills. */
  readonly dimensions: readonly string[];
  /** Changes when what it finds changes: a library then files its items anew. Default: the dimensions. */
  readonly id?: string;
  /** Asks a model or a server: a library has it done behind the writes instead of before the next search. */
  readonly isSlow?: boolean;
  extract(text: string, about?: About): Labels | Promise<Labels>;
}

/** Labels of all extractors, which are given the text with its wrongly read letters mended; of a dimension that several fill the labels are put together. @throws MnemeError ARGUMENT, CANCELLED */
export async function extractAll(
  extractors: readonly Extractor[],
  text: string,
  about: About = {},
): Promise<Labels> {
  const all: Record<string, Record<string, number>> = {};
  const whole = mended(text);
  for (const extractor of extractors) {
    throwIfAborted(about.signal, "cube");
    const found = extractor.extract(whole, about);
    for (const [dimension, ofIt] of Object.entries(found instanceof Promise ? await found : found)) {
      if (!extractor.dimensions.includes(dimension))
        throw new MnemeError(
          "ARGUMENT",
          `cube: an extractor gave labels of ${JSON.stringify(dimension)}; it names ${extractor.dimensions.join(", ")}`,
        );
      all[dimension] ??= Object.create(null) as Record<string, number>;
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

export function noCounts(): Counts {
  return Object.create(null) as Counts;
}

export function count(counts: Counts, label: string, times = 1): void {
  counts[label] = (counts[label] ?? 0) + times;
}
