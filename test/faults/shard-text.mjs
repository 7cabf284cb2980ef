// Documents of the test of killed shards: each follows from its number alone, bytes with a mark of its own somewhere in them.
export const BYTES = 100_000;
/** Documents of one add: together they are large enough to get shards. */
export const BATCH = 4;

export const markOf = (number) => Buffer.from(`\u0000mark ${String(number).padStart(6, "0")}.\u0000`);

/** The byte that the mark begins with. */
export const placeOf = (number) => (number * 7919) % (BYTES - 100);

export function documentOf(number) {
  let state = number + 1;
  const data = Buffer.alloc(BYTES);
  for (let at = 0; at < BYTES; at++) {
    state = (state * 48_271) % 0x7fff_ffff;
    data[at] = 0x61 + Math.floor((state % 997) ** 2 / 60_000);
  }
  markOf(number).copy(data, placeOf(number));
  return data;
}
