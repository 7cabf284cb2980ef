/** Dates and quantities, by their forms; and any other dimension by a pattern of one's own. */
import { MnemeError } from "../../../errors.ts";
import { type Counts, count, type Extractor, noCounts } from "./extractor.ts";

const MONTH =
  "(?:Jan(?:uary|\\.)?|Feb(?:ruary|\\.)?|Mar(?:ch|\\.)?|Apr(?:il|\\.)?|May|June?|July?|Aug(?:ust|\\.)?|Sept?(?:ember|\\.)?|Oct(?:ober|\\.)?|Nov(?:ember|\\.)?|Dec(?:ember|\\.)?)";
const DATE = new RegExp(
  [
    "\\b\\d{4}-\\d{2}-\\d{2}\\b",
    `\\b${MONTH}\\s+\\d{1,2}(?:st|nd|rd|th)?(?:,?\\s+\\d{4})?\\b`,
    `\\b\\d{1,2}(?:st|nd|rd|th)?\\s+${MONTH}(?:,?\\s+\\d{4})?`,
    `\\b${MONTH}\\s+\\d{4}\\b`,
    "\\b(?:1[5-9]|20)\\d{2}s?\\b",
    "\\b(?:spring|summer|autumn|fall|winter) of \\d{4}\\b",
  ].join("|"),
  "gu",
);
const NUMBER = "[-+]?\\d[\\d,]*(?:\\.\\d+)?";
const UNIT =
  "%|percent|per cent|years?|months?|weeks?|days?|hours?|minutes?|seconds?|km|kilomet(?:er|re)s?|miles?|m|met(?:er|re)s?|cm|mm|feet|foot|ft|inch(?:es)?|kg|g|mg|µg|ug|ng|tons?|tonnes?|pounds?|lbs?|litres?|liters?|ml|µl|mph|km/h|knots?|°C|°F|degrees?|people|patients|participants|subjects|cases|deaths|million|billion|thousand|kb|mb|gb|bp|kda|mm hg|mmhg|mol|mmol|µm|nm|hz|khz|mhz|w|kw|mw|v";
const QUANTITY = new RegExp(
  `(?:[$€£]\\s?${NUMBER}(?:\\s(?:million|billion|thousand))?|\\b${NUMBER}\\s?(?:${UNIT})(?![\\p{L}\\d]))`,
  "giu",
);

/** A dimension filled by what a pattern matches. @throws MnemeError ARGUMENT for a pattern that is not global */
export function pattern(dimension: string, expression: RegExp): Extractor {
  if (!expression.global)
    throw new MnemeError(
      "ARGUMENT",
      `cube: the pattern of ${dimension} finds one place only; give it the flag g`,
    );
  return {
    dimensions: [dimension],
    extract(text) {
      const counts: Counts = noCounts();
      for (const [match] of text.matchAll(expression)) count(counts, match.trim());
      return { [dimension]: counts };
    },
  };
}

export const dates = (dimension = "date"): Extractor => pattern(dimension, DATE);
export const quantities = (dimension = "quantity"): Extractor => pattern(dimension, QUANTITY);
