/** How alike are two texts? BLEU of code tokens, ROUGE-Lsum of words, F1 of characters. */

/** Longest n-grams that BLEU counts. */
const LARGEST_GRAM = 4;

/**
 * BLEU with one reference, 0 to 1: geometric mean of the n-gram precisions, those from two tokens on smoothed by one, times the penalty of
 * what is too short (Papineni et al., BLEU, 2002; Lin and Och, ORANGE, 2004). Tokens are words and single signs.
 */
export function bleu(given: string, reference: string): number {
  const [ours, theirs] = [codeTokens(given), codeTokens(reference)];
  if (ours.length === 0 || theirs.length === 0) return 0;
  let logarithms = 0;
  for (let n = 1; n <= LARGEST_GRAM; n++) {
    const [grams, known] = [gramsOf(ours, n), gramsOf(theirs, n)];
    let shared = 0;
    for (const [gram, times] of grams) shared += Math.min(times, known.get(gram) ?? 0);
    const smooth = n > 1 ? 1 : 0;
    const all = Math.max(0, ours.length - n + 1);
    if (shared + smooth === 0) return 0;
    logarithms += Math.log((shared + smooth) / (all + smooth));
  }
  const brevity = Math.min(0, 1 - theirs.length / ours.length);
  return Math.exp(logarithms / LARGEST_GRAM + brevity);
}

const codeTokens = (text: string): string[] => text.match(/[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) ?? [];

function gramsOf(tokens: readonly string[], n: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + n <= tokens.length; i++) {
    const gram = tokens.slice(i, i + n).join(" ");
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
}

/**
 * ROUGE-Lsum, F1, 0 to 1: of each reference sentence the words that lie on a longest common subsequence with any given sentence, no word
 * counted more often than both texts have it (Lin, ROUGE: A Package for Automatic Evaluation of Summaries, 2004, section 3.2). No stemming.
 */
export function rougeLsum(given: string, reference: string): number {
  const [ours, theirs] = [sentencesOf(given), sentencesOf(reference)];
  const [ourCounts, theirCounts] = [gramsOf(ours.flat(), 1), gramsOf(theirs.flat(), 1)];
  let hits = 0;
  for (const sentence of theirs) {
    const union = new Set(ours.flatMap((one) => commonPlaces(sentence, one)));
    for (const place of union) {
      const word = sentence[place]!;
      const [left, right] = [ourCounts.get(word) ?? 0, theirCounts.get(word) ?? 0];
      if (left === 0 || right === 0) continue;
      ourCounts.set(word, left - 1);
      theirCounts.set(word, right - 1);
      hits++;
    }
  }
  return hits === 0 ? 0 : (2 * hits) / (ours.flat().length + theirs.flat().length);
}

const sentencesOf = (text: string): string[][] =>
  text
    .toLowerCase()
    .split(/(?<=[.!?])\s+|\n+/)
    .map((sentence) => sentence.match(/[\p{L}\p{N}]+/gu) ?? [])
    .filter((words) => words.length > 0);

/** Places in `a` of one longest subsequence that `b` has too. */
function commonPlaces(a: readonly string[], b: readonly string[]): number[] {
  const width = b.length + 1;
  const lengths = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      lengths[i * width + j] =
        a[i] === b[j]
          ? lengths[(i + 1) * width + j + 1]! + 1
          : Math.max(lengths[(i + 1) * width + j]!, lengths[i * width + j + 1]!);
  const places: number[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) {
      places.push(i++);
      j++;
    } else if (lengths[(i + 1) * width + j]! >= lengths[i * width + j + 1]!) i++;
    else j++;
  }
  return places;
}
