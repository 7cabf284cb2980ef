/** A question's own n-grams: one to three words of it in a row, as they are written, in small letters and with a capital. */

const MOST_WORDS = 3;
const EDGES = /^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu;

/** @returns each with a space before it and without, as it may stand in a text */
export function queryNGrams(question: string): string[] {
  const words = question
    .split(/\s+/u)
    .map((word) => word.replace(EDGES, ""))
    .filter((word) => word !== "");
  const found = new Set<string>();
  for (let from = 0; from < words.length; from++)
    for (let to = from + 1; to <= Math.min(words.length, from + MOST_WORDS); to++) {
      const text = words.slice(from, to).join(" ");
      const small = text.toLowerCase();
      for (const variant of [text, small, small.charAt(0).toUpperCase() + small.slice(1)]) {
        found.add(` ${variant}`);
        found.add(variant);
      }
    }
  return [...found];
}
