/** The places of the largest values: the one top-k of the cache's parts. */

/** @returns the places in [from, to) of the `count` largest values, ascending; of equal ones the first */
export function largest(
  values: Float32Array,
  count: number,
  from = 0,
  to: number = values.length,
): Int32Array {
  const room = Math.max(0, Math.min(count, to - from));
  const kept = new Int32Array(room);
  if (room === 0) return kept;
  const bound = values.slice(from, to).sort()[to - from - room]!;
  let above = 0;
  for (let i = from; i < to; i++) if (values[i]! > bound) above++;
  let ties = room - above;
  let at = 0;
  for (let i = from; i < to; i++)
    if (values[i]! > bound || (values[i] === bound && ties-- > 0)) kept[at++] = i;
  return kept;
}
