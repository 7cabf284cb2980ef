/** Links turned round, and rows of words in another order: what is done to a whole graph between calls of its kernels. */
import { NO_ROW } from "./graph-record.ts";

/** As the kernel linkGraphRows takes them: pairs (row that gets links, where they begin in `sources`), one more pair for the end. */
export interface BackLinks {
  readonly groups: Uint32Array;
  readonly sources: Uint32Array;
}

/** Links of some rows by the row that they lead to; of each of those its sources in the order of `rows`. */
export function backLinks(rows: Uint32Array, links: Uint32Array, degree: number): BackLinks {
  const targets: number[] = [];
  const sources: number[] = [];
  for (const source of rows) {
    for (let i = source * degree; i < (source + 1) * degree && links[i] !== NO_ROW; i++) {
      targets.push(links[i]!);
      sources.push(source);
    }
  }
  // target above, place below: a plain sort of numbers keeps the order of places
  const count = targets.length;
  const keys = Float64Array.from(targets, (target, i) => target * count + i).sort();
  const groups: number[] = [];
  let last = -1;
  const ordered = Uint32Array.from(keys, (key, i) => {
    const target = Math.floor(key / count);
    if (target !== last) groups.push(target, i);
    last = target;
    return sources[key - target * count]!;
  });
  groups.push(NO_ROW, count);
  return { groups: Uint32Array.from(groups), sources: ordered };
}

/** Row i of `width` words becomes what row order[i] was. */
export function permuteRows(words: Uint32Array, width: number, order: Uint32Array): void {
  const old = words.slice(0, order.length * width);
  order.forEach((from, to) => {
    words.set(old.subarray(from * width, (from + 1) * width), to * width);
  });
}

/** The inverse of a permutation. */
export function inverseOf(order: Uint32Array): Uint32Array {
  const inverse = new Uint32Array(order.length);
  order.forEach((from, to) => {
    inverse[from] = to;
  });
  return inverse;
}
