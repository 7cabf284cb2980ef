/** Which of some names was meant by one that is none of them: the nearest in letters, or one that begins so. */
import { editDistance } from "../index/text/fuzzy.ts";

/** @returns undefined where none is near: more than a third of its letters differ. */
export function nearest(given: string, names: readonly string[]): string | undefined {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text.toLowerCase());
  const word = bytes(given);
  let best: string | undefined;
  let least = Math.max(1, Math.floor(given.length / 3)) + 1;
  for (const name of names) {
    const other = bytes(name);
    const distance = editDistance(word, other, other.length, least);
    if (distance < least) [best, least] = [name, distance];
  }
  return (
    best ??
    (given.length > 1 ? names.find((name) => name.startsWith(given) || given.startsWith(name)) : undefined)
  );
}
