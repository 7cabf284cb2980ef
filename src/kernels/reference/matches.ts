/** Equal symbols at every alignment, by the definition. */
export function matchesOf(text: ArrayLike<number>, pattern: ArrayLike<number>): number[] {
  return Array.from({ length: text.length - pattern.length + 1 }, (_, i) => {
    let equal = 0;
    for (let j = 0; j < pattern.length; j++) if (text[i + j] === pattern[j]) equal++;
    return equal;
  });
}

/** Cyclic convolution, by the definition. */
export function convolve(a: ArrayLike<number>, b: ArrayLike<number>): number[] {
  const { length } = a;
  return Array.from({ length }, (_, i) => {
    let sum = 0;
    for (let j = 0; j < length; j++) sum += a[j]! * b[(i - j + length) % length]!;
    return sum;
  });
}
