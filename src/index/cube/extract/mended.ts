/**
 * Texts whose UTF-8 bytes were once read as Latin-1 or Windows-1252: "El NiÃ±o" is "El Niño". Names are cut at such letters and never found by what
 * they are; only what comes out as a letter of Europe or a sign is mended.
 */

/** What Windows-1252 has for the bytes from 0x80; those that it leaves free are themselves. */
const HIGH = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ";
const BYTES: ReadonlyMap<string, number> = new Map([...HIGH].map((letter, i) => [letter, 0x80 + i]));
/** A byte that begins a letter of two or three bytes, and those behind it. */
const BROKEN = new RegExp(
  `[\\u00c2-\\u00c5][\\u0080-\\u00bf${HIGH}]|\\u00e2[\\u0080-\\u00bf${HIGH}]{2}`,
  "gu",
);

const decoder = new TextDecoder("utf-8", { fatal: true });

export function mended(text: string): string {
  return text.replace(BROKEN, (letters) => {
    const bytes = Uint8Array.from(letters, (letter) => BYTES.get(letter) ?? letter.codePointAt(0)!);
    try {
      const letter = decoder.decode(bytes);
      return letter < "\u0180" || /[\u2000-\u22ff]/u.test(letter) ? letter : letters;
    } catch {
      return letters;
    }
  });
}
