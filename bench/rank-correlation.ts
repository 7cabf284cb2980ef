/** How two lists of numbers agree: by value (Pearson), by rank (Spearman). */

export function pearson(a: readonly number[], b: readonly number[]): number {
  const mean = (values: readonly number[]): number => values.reduce((x, y) => x + y, 0) / values.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  a.forEach((value, i) => {
    ab += (value - ma) * (b[i]! - mb);
    aa += (value - ma) ** 2;
    bb += (b[i]! - mb) ** 2;
  });
  return ab / Math.sqrt(aa * bb);
}

export function spearman(a: readonly number[], b: readonly number[]): number {
  return pearson(ranks(a), ranks(b));
}

/** Equal values share the mean of their ranks. */
function ranks(values: readonly number[]): number[] {
  const order = [...values.keys()].sort((i, j) => values[i]! - values[j]!);
  const out = new Array<number>(values.length);
  for (let first = 0; first < order.length; ) {
    let last = first;
    while (last < order.length && values[order[last]!] === values[order[first]!]) last++;
    for (let i = first; i < last; i++) out[order[i]!] = (first + last - 1) / 2;
    first = last;
  }
  return out;
}
