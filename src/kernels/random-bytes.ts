/** Bytes for tests, the same from the same start (xorshift: Marsaglia, 2003). */
export function randomBytes(length: number, start: number): Uint8Array {
  let state = start | 1;
  return Uint8Array.from({ length }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state & 255;
  });
}
