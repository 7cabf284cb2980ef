/** Which characters make words, and which scripts are cut into pairs. Tables over the basic plane, made on first need. */

export const SEPARATOR = 0;
export const WORD = 1;
/** Han, kana, Thai, Lao, Khmer, Myanmar, and Hangul, whose words end in particles: cut into overlapping pairs. */
export const UNSPACED = 2;

const UNSPACED_PATTERN =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}ー々\u3099\u309a]/u;
const WORD_PATTERN = /(?!\p{Variation_Selector})[\p{L}\p{N}\p{M}]/u;

const ascii = new Uint8Array(128);
for (let code = 0; code < 128; code++)
  ascii[code] = /[A-Za-z0-9]/.test(String.fromCharCode(code)) ? WORD : SEPARATOR;

/** 256 pages of 256 characters, each classified when one of its characters is met. */
const pages: (Uint8Array | undefined)[] = new Array(256);

/** Class of one UTF-16 unit; surrogates are classified by `classOfPair`. */
export function classOf(code: number): number {
  if (code < 128) return ascii[code]!;
  const page = pages[code >> 8] ?? classify(code >> 8);
  return page[code & 255]!;
}

/** Class of a character beyond the basic plane. */
export function classOfPair(codePoint: number): number {
  return classOfText(String.fromCodePoint(codePoint));
}

function classify(high: number): Uint8Array {
  const page = new Uint8Array(256);
  for (let low = 0; low < 256; low++) {
    const code = (high << 8) | low;
    page[low] = code >= 0xd800 && code < 0xe000 ? SEPARATOR : classOfText(String.fromCharCode(code));
  }
  pages[high] = page;
  return page;
}

function classOfText(char: string): number {
  if (UNSPACED_PATTERN.test(char)) return UNSPACED;
  return WORD_PATTERN.test(char) ? WORD : SEPARATOR;
}
