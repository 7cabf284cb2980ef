/** Several streams at once: whichever has something next is heard next. */

/**
 * Items with the number of their stream, each stream's in its order. Whoever stops early, and a stream that fails, ends all of them.
 * @throws what a stream throws
 */
export async function* sideBySide<T>(
  streams: readonly AsyncIterable<T>[],
): AsyncGenerator<readonly [number, T]> {
  const iterators = streams.map((stream) => stream[Symbol.asyncIterator]());
  const next = async (i: number) => ({ i, result: await iterators[i]!.next() });
  const waited = new Map(iterators.map((_, i) => [i, next(i)]));
  try {
    while (waited.size > 0) {
      const { i, result } = await Promise.race(waited.values());
      if (result.done) waited.delete(i);
      else {
        waited.set(i, next(i));
        yield [i, result.value];
      }
    }
  } finally {
    // one that is asked for its next item ends behind that: nobody waits here for it
    for (const pending of waited.values()) pending.catch(() => {});
    for (const iterator of iterators) void iterator.return?.().catch(() => {});
  }
}
