/** The dimensions that every library can have without a model, and who fills them. */
import type { Labels } from "../cube-index.ts";
import { aliases } from "./aliases.ts";
import { type Extractor, extractAll } from "./extractor.ts";
import { types } from "./fields.ts";
import { names } from "./names.ts";
import { dates, quantities } from "./patterns.ts";
import { themes } from "./themes.ts";

/** Grows when a standard extractor finds something else than before. */
const STANDARD_VERSION = 4;

export const STANDARD_DIMENSIONS = [
  "person",
  "organization",
  "location",
  "event",
  "name",
  "alias",
  "theme",
  "word",
  "date",
  "quantity",
  "type",
] as const;
export type StandardDimension = (typeof STANDARD_DIMENSIONS)[number];

export function isStandard(dimension: string): dimension is StandardDimension {
  return (STANDARD_DIMENSIONS as readonly string[]).includes(dimension);
}

/** One extractor of some standard dimensions; others are neither looked for nor given. */
export function standard(dimensions: readonly StandardDimension[] = STANDARD_DIMENSIONS): Extractor {
  const wanted = new Set<string>(dimensions);
  const used = [names(), aliases(), themes(), dates(), quantities(), types()].filter((extractor) =>
    extractor.dimensions.some((dimension) => wanted.has(dimension)),
  );
  return {
    dimensions,
    id: `standard ${STANDARD_VERSION} ${[...dimensions].sort().join(" ")}`,
    async extract(text, about) {
      const labels = await extractAll(used, text, about);
      return Object.fromEntries(Object.entries(labels).filter(([name]) => wanted.has(name))) as Labels;
    },
  };
}
