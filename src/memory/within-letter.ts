/** Texts are cut between letters, never between the two units of one. */

/** Whether a place parts the two units of a letter. */
export function isWithinLetter(text: string, at: number): boolean {
  return at > 0 && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800 && (text.charCodeAt(at) & 0xfc00) === 0xdc00;
}
