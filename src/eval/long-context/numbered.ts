/** Reading one long text that answers many questions, or has many sections, under numbered headers at the starts of lines. */

export interface Blocks {
  /** Text behind each header up to the next one, by its number; the first block of a number counts. */
  readonly blocks: ReadonlyMap<number, string>;
  /** Numbers that nobody asked for. */
  readonly extra: readonly number[];
}

/** @param word of the header: "Answer" for "Answer_5:". Numbers from `first` on, `count` of them. */
export function readBlocks(text: string, word: string, first: number, count: number): Blocks {
  const blocks = new Map<number, string>();
  const extra: number[] = [];
  const headers = [...text.matchAll(new RegExp(`^[ \\t*#]*${word}_(\\d+)\\b[ \\t*]*:?`, "gm"))];
  headers.forEach((header, i) => {
    const number = Number(header[1]);
    const block = text.slice(header.index + header[0].length, headers[i + 1]?.index);
    if (number < first || number >= first + count) extra.push(number);
    else if (!blocks.has(number)) blocks.set(number, block);
  });
  return { blocks, extra };
}

export const sectionsOf = (text: string): ReadonlyMap<number, string> =>
  readBlocks(text, "Section", 1, Number.MAX_SAFE_INTEGER).blocks;

export interface ReadAnswers {
  /** By the question's number. */
  readonly values: ReadonlyMap<number, number | undefined>;
  readonly extra: readonly number[];
}

/** The numbers that stand behind "Answer_n". */
export function readAnswers(text: string, first: number, count: number): ReadAnswers {
  const { blocks, extra } = readBlocks(text, "Answer", first, count);
  return { values: new Map([...blocks].map(([number, block]) => [number, numberIn(block)])), extra };
}

const PHRASE = "the answer is";
const NUMBER = /-?\$?\d[\d,]*(?:\.\d+)?/g;

/** The number behind the last "The answer is"; without the phrase the last one. */
export function numberIn(block: string): number | undefined {
  const phrase = block.toLowerCase().lastIndexOf(PHRASE);
  const found = phrase >= 0 ? block.slice(phrase).match(NUMBER)?.[0] : block.match(NUMBER)?.at(-1);
  return found === undefined ? undefined : Number(found.replace(/[$,]/g, ""));
}

/** The letter behind the last "The answer is"; without the phrase the last one in parentheses, or else one that is all of the block. */
export function letterIn(block: string): string | undefined {
  const phrase = block.toLowerCase().lastIndexOf(PHRASE);
  if (phrase >= 0) return /(?<![\p{L}\p{N}])[A-D](?![\p{L}\p{N}])/u.exec(block.slice(phrase))?.[0];
  return [...block.matchAll(/\(([A-D])\)/g)].at(-1)?.[1] ?? /^\W*([A-D])\W*$/.exec(block)?.[1];
}

export interface NumberedRight {
  /** Of each question: is it right? What is missing is wrong. */
  readonly right: readonly boolean[];
  readonly answered: readonly boolean[];
  readonly extra: readonly number[];
}

/** @param answers numbers, or letters from A to D */
export function readNumbered(
  text: string,
  first: number,
  answers: readonly (number | string)[],
): NumberedRight {
  const { blocks, extra } = readBlocks(text, "Answer", first, answers.length);
  const given = answers.map((answer, i) => {
    const block = blocks.get(first + i) ?? "";
    return /^[A-D]$/.test(String(answer)) ? letterIn(block) : numberIn(block);
  });
  return {
    right: given.map((value, i) => value !== undefined && String(value) === String(answers[i])),
    answered: given.map((value) => value !== undefined),
    extra,
  };
}
