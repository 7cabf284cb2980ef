/** A text to look for, as bytes: what may stand at each of its steps. Exactly one text, or with case aside one of a few letters a step. */
import { MnemeError } from "../../errors.ts";

/** Bytes of the longest text that is looked for. */
export const LONGEST_PATTERN = 65_536;

/** UTF-8 of what may stand there. None is the beginning of another. */
export type Step = readonly Uint8Array[];

export interface Pattern {
  readonly steps: readonly Step[];
  /** Bytes of the longest text that it stands for. */
  readonly most: number;
}

const encoder = new TextEncoder();

/** @throws MnemeError ARGUMENT for no text and no bytes, RANGE for too many */
export function patternOf(text: string | Uint8Array, ignoreCase: boolean, verb: string): Pattern {
  const bytes = bytesOf(text, verb);
  if (bytes.length === 0)
    throw new MnemeError(
      "ARGUMENT",
      `${verb}: an empty text is everywhere; give at least one character or byte`,
    );
  if (bytes.length > LONGEST_PATTERN)
    throw new MnemeError(
      "RANGE",
      `${verb}: a text of ${bytes.length} bytes, at most ${LONGEST_PATTERN} are looked for; give a part of it`,
    );
  if (!ignoreCase) return { steps: [[bytes]], most: bytes.length };
  return stepsOf(typeof text === "string" ? [...text].map(lettersLike) : Array.from(bytes, bytesLike));
}

function bytesOf(text: string | Uint8Array, verb: string): Uint8Array {
  if (typeof text === "string") return encoder.encode(text);
  if (text instanceof Uint8Array) return text;
  throw new MnemeError("ARGUMENT", `${verb}: the text is ${typeof text}, need a string or a Uint8Array`);
}

/** Steps that are one text alone are joined. */
export function stepsOf(all: readonly (readonly Uint8Array[])[]): Pattern {
  const steps: Step[] = [];
  let fixed: number[] = [];
  let most = 0;
  const close = (): void => {
    if (fixed.length > 0) steps.push([Uint8Array.from(fixed)]);
    fixed = [];
  };
  for (const step of all) {
    most += Math.max(...step.map(({ length }) => length));
    if (step.length === 1) fixed.push(...step[0]!);
    else {
      close();
      steps.push(step);
    }
  }
  close();
  return { steps, most };
}

/** Bytes that are no text have no case beyond ASCII. */
function bytesLike(byte: number): Uint8Array[] {
  const isLetter = (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;
  return isLetter ? [Uint8Array.of(byte), Uint8Array.of(byte ^ 0x20)] : [Uint8Array.of(byte)];
}

/** Small form of a letter, where that is one letter. */
export function smallOf(letter: string): string {
  const small = letter.toLowerCase();
  return small.length === letter.length ? small : letter;
}

let letters: Map<string, string[]> | undefined;

/** Letters of the basic plane by their small form, where several share it. */
function bySmallForm(): Map<string, string[]> {
  if (letters) return letters;
  const all = new Map<string, string[]>();
  for (let code = 0; code < 0x10000; code++) {
    if (code >= 0xd800 && code < 0xe000) continue;
    const letter = String.fromCharCode(code);
    const small = smallOf(letter);
    if (small === letter) continue;
    const group = all.get(small) ?? [small];
    group.push(letter);
    all.set(small, group);
  }
  letters = all;
  return all;
}

/** UTF-8 of all letters that are the same but for their case. */
export function lettersLike(letter: string): Uint8Array[] {
  const small = smallOf(letter);
  if (small.length > 1) {
    const large = small.toUpperCase();
    return [...new Set([small, large.length === small.length ? large : small])].map((one) =>
      encoder.encode(one),
    );
  }
  return (bySmallForm().get(small) ?? [small]).map((one) => encoder.encode(one));
}
