/**
 * The English stemmer Porter2 (Porter, The English (Porter2) stemming algorithm, 2001), in place on bytes: indexing meets hundreds of
 * thousands of different words. The same stems, to the letter, as the Snowball project's stemmer that it is tested against.
 */

/** [suffix, what takes its place]; longest first where one ends in another. */
type Rules = readonly (readonly [string, string])[];

interface Rule {
  readonly suffix: Uint8Array;
  readonly ending: Uint8Array;
}

/** Rules by the last letter of their suffix. */
type RuleTable = readonly (readonly Rule[])[];

/** Longest word that `stemWord` takes. */
const MAX_WORD = 128;

const [A, D, E, I, L, S, T, Y, APOSTROPHE] = [..."adeilsty'"].map((char) => char.charCodeAt(0)) as [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
];
/** A y that counts as a consonant, until the end. */
const CONSONANT_Y = 0x59;

const setOf = (chars: string): Uint8Array =>
  Uint8Array.from({ length: 128 }, (_, code) => (chars.includes(String.fromCharCode(code)) ? 1 : 0));
const VOWEL = setOf("aeiouy");
/** What the consonant at the end of a short syllable is not. */
const VOWEL_OR_WXY = setOf("aeiouywxY");
const DOUBLED = setOf("bdfgmnprt");
const BEFORE_LI = setOf("cdeghkmnrt");

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));

function tableOf(rules: Rules): RuleTable {
  const table: Rule[][] = Array.from({ length: 128 }, () => []);
  const longestFirst = [...rules].sort(([a], [b]) => b.length - a.length);
  for (const [suffix, ending] of longestFirst)
    table[suffix.charCodeAt(suffix.length - 1)]!.push({ suffix: bytesOf(suffix), ending: bytesOf(ending) });
  return table;
}

const STEP_1B = tableOf([
  ["eedly", "ee"],
  ["ingly", ""],
  ["edly", ""],
  ["eed", "ee"],
  ["ing", ""],
  ["ed", ""],
]);
const STEP_2 = tableOf([
  ["ational", "ate"],
  ["tional", "tion"],
  ["enci", "ence"],
  ["anci", "ance"],
  ["abli", "able"],
  ["entli", "ent"],
  ["izer", "ize"],
  ["ization", "ize"],
  ["ation", "ate"],
  ["ator", "ate"],
  ["alism", "al"],
  ["aliti", "al"],
  ["alli", "al"],
  ["fulness", "ful"],
  ["ousli", "ous"],
  ["ousness", "ous"],
  ["iveness", "ive"],
  ["iviti", "ive"],
  ["biliti", "ble"],
  ["bli", "ble"],
  ["ogi", "og"],
  ["fulli", "ful"],
  ["lessli", "less"],
  ["li", ""],
]);
const STEP_3 = tableOf([
  ["ational", "ate"],
  ["tional", "tion"],
  ["alize", "al"],
  ["icate", "ic"],
  ["iciti", "ic"],
  ["ical", "ic"],
  ["ful", ""],
  ["ness", ""],
  ["ative", ""],
]);
const STEP_4 = tableOf([
  ["al", ""],
  ["ance", ""],
  ["ence", ""],
  ["er", ""],
  ["ic", ""],
  ["able", ""],
  ["ible", ""],
  ["ant", ""],
  ["ement", ""],
  ["ment", ""],
  ["ent", ""],
  ["ism", ""],
  ["ate", ""],
  ["iti", ""],
  ["ous", ""],
  ["ive", ""],
  ["ize", ""],
  ["ion", ""],
]);

/** Words with stems of their own, and words that step 1a may change but nothing after it. */
const IRREGULAR = new Map(
  "skis ski,skies sky,dying die,lying lie,tying tie,idly idl,gently gentl,ugly ugli,early earli,only onli,singly singl"
    .split(",")
    .map((pair) => pair.split(" ") as [string, string]),
);
for (const same of "sky news howe atlas cosmos bias andes".split(" ")) IRREGULAR.set(same, same);
const DONE = new Set("inning outing canning herring earring proceed exceed succeed".split(" "));
const LONGEST_LISTED = 7;
/** Beginnings after which the first region starts, whatever the rule says. */
const REGION_PREFIXES = ["gener", "commun", "arsen"].map(bytesOf);

/** The word under work. One thread, one word at a time. */
let word: Uint8Array = new Uint8Array(0);
let length = 0;
/** Starts of the regions R1 and R2. */
let first = 0;
let second = 0;

/** Stem of a word of [a-z'] that begins with a letter; other words are not ours to judge. */
export function stemWord(text: string): string {
  if (text.length < 3 || text.length > MAX_WORD) return text;
  const bytes = scratch;
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const end = stemBytes(bytes, text.length);
  return textOf(bytes, end);
}

const scratch = new Uint8Array(MAX_WORD + 1);

/**
 * Stems in place.
 * @param bytes a word of [a-z'] that begins with a letter, and room for one letter more
 * @returns length of the stem
 */
export function stemBytes(bytes: Uint8Array, wordLength: number): number {
  if (wordLength < 3) return wordLength;
  word = bytes;
  length = wordLength;
  if (length <= LONGEST_LISTED && writeIrregular()) return length;
  const anyY = markConsonantY();
  findRegions();
  stepOneA();
  if (length > LONGEST_LISTED || length < 6 || !DONE.has(textOf(word, length))) {
    stepOneB();
    stepOneC();
    stepTwo();
    stepThree();
    stepFour();
    stepFive();
  }
  if (anyY) for (let i = 0; i < length; i++) if (word[i] === CONSONANT_Y) word[i] = Y;
  return length;
}

function textOf(bytes: Uint8Array, end: number): string {
  let text = "";
  for (let i = 0; i < end; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}

function writeIrregular(): boolean {
  const last = word[length - 1]!;
  // all of them end in s, g, y or e
  if (last !== S && last !== 0x67 && last !== Y && last !== E) return false;
  const stem = IRREGULAR.get(textOf(word, length));
  if (stem === undefined) return false;
  length = stem.length;
  for (let i = 0; i < length; i++) word[i] = stem.charCodeAt(i);
  return true;
}

/** At the beginning and after a vowel y is a consonant. */
function markConsonantY(): boolean {
  let any = false;
  for (let i = 0; i < length; i++) {
    if (word[i] !== Y || (i > 0 && !VOWEL[word[i - 1]!])) continue;
    word[i] = CONSONANT_Y;
    any = true;
  }
  return any;
}

function findRegions(): void {
  const prefix = REGION_PREFIXES.find((one) => beginsWith(one));
  first = prefix ? prefix.length : afterVowelConsonant(0);
  second = afterVowelConsonant(first);
}

/** Past the first consonant that follows a vowel, or the end. */
function afterVowelConsonant(from: number): number {
  let at = from;
  while (at < length && !VOWEL[word[at]!]) at++;
  while (at < length && VOWEL[word[at]!]) at++;
  return Math.min(at + 1, length);
}

function beginsWith(prefix: Uint8Array): boolean {
  if (length < prefix.length) return false;
  for (let i = 0; i < prefix.length; i++) if (word[i] !== prefix[i]) return false;
  return true;
}

function hasVowelBefore(end: number): boolean {
  for (let i = 0; i < end; i++) if (VOWEL[word[i]!]) return true;
  return false;
}

/** Whether a short syllable ends at `end`: consonant, vowel, consonant other than w, x, Y; or at the start vowel, consonant. */
function isShortAt(end: number): boolean {
  if (end >= 3 && !VOWEL_OR_WXY[word[end - 1]!] && VOWEL[word[end - 2]!] && !VOWEL[word[end - 3]!])
    return true;
  return end === 2 && !VOWEL[word[1]!] && VOWEL[word[0]!] === 1;
}

function endsWith(suffix: Uint8Array): boolean {
  const start = length - suffix.length;
  if (start < 0) return false;
  for (let i = suffix.length - 2; i >= 0; i--) if (word[start + i] !== suffix[i]) return false;
  return true;
}

/** The rule of the longest suffix that the word has. */
function ruleOf(table: RuleTable): Rule | undefined {
  const rules = table[word[length - 1]!]!;
  for (let i = 0; i < rules.length; i++) if (endsWith(rules[i]!.suffix)) return rules[i];
  return undefined;
}

function replace({ suffix, ending }: Rule): void {
  const start = length - suffix.length;
  for (let i = 0; i < ending.length; i++) word[start + i] = ending[i]!;
  length = start + ending.length;
}

/** Possessives and plurals. */
function stepOneA(): void {
  if (word[length - 1] === APOSTROPHE)
    length -= length > 2 && word[length - 2] === S && word[length - 3] === APOSTROPHE ? 3 : 1;
  else if (word[length - 1] === S && word[length - 2] === APOSTROPHE) length -= 2;
  const [last, before] = [word[length - 1], word[length - 2]];
  const isIed = last === D && before === E && length >= 3 && word[length - 3] === I;
  if (length >= 3 && (isIed || (last === S && before === E && word[length - 3] === I)))
    length -= length > 4 ? 2 : 1;
  else if (last === S) stepOnePlural(before);
}

function stepOnePlural(before: number | undefined): void {
  if (length >= 4 && before === E && word[length - 3] === S && word[length - 4] === S) length -= 2;
  else if (length >= 2 && before !== S && before !== 0x75 && hasVowelBefore(length - 2)) length--;
}

/** -ed and -ing. */
function stepOneB(): void {
  const rule = ruleOf(STEP_1B);
  if (!rule) return;
  const start = length - rule.suffix.length;
  if (rule.ending.length > 0) {
    if (first <= start) replace(rule);
    return;
  }
  if (!hasVowelBefore(start)) return;
  length = start;
  const [last, before] = [word[length - 1]!, length > 1 ? word[length - 2]! : 0];
  const takesE =
    (last === T && before === A) || (last === L && before === 0x62) || (last === 0x7a && before === I);
  if (takesE) word[length++] = E;
  else if (last === before && DOUBLED[last]) length--;
  else if (length === first && isShortAt(length)) word[length++] = E;
}

/** y after a consonant that is not the first letter. */
function stepOneC(): void {
  const last = word[length - 1];
  if (length > 2 && (last === Y || last === CONSONANT_Y) && !VOWEL[word[length - 2]!]) word[length - 1] = I;
}

function stepTwo(): void {
  const rule = ruleOf(STEP_2);
  if (!rule) return;
  const start = length - rule.suffix.length;
  if (first > start) return;
  if (rule.suffix.length === 2 && (start === 0 || !BEFORE_LI[word[start - 1]!])) return;
  if (rule.suffix.length === 3 && rule.ending.length === 2 && word[start - 1] !== L) return;
  replace(rule);
}

function stepThree(): void {
  const rule = ruleOf(STEP_3);
  if (!rule) return;
  const start = length - rule.suffix.length;
  // -ative goes in the second region only
  if (first <= start && (rule.suffix.length !== 5 || rule.ending.length > 0 || second <= start))
    replace(rule);
}

function stepFour(): void {
  const rule = ruleOf(STEP_4);
  if (!rule) return;
  const start = length - rule.suffix.length;
  if (second > start) return;
  const isIon = rule.suffix.length === 3 && rule.suffix[1] === 0x6f && rule.suffix[0] === I;
  if (isIon && word[start - 1] !== S && word[start - 1] !== T) return;
  length = start;
}

function stepFive(): void {
  const end = length - 1;
  if (word[end] === E) {
    if (second <= end || (first <= end && !isShortAt(end))) length = end;
  } else if (word[end] === L && second <= end && word[end - 1] === L) length = end;
}
