import fc from "fast-check";
import { expect, test } from "vitest";
import { sideBySide } from "./side-by-side.ts";

const later = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function* counted(count: number, slow: number, ended: { streams: number }): AsyncGenerator<number> {
  try {
    for (let i = 0; i < count; i++) {
      for (let wait = 0; wait < slow; wait++) await later();
      yield i;
    }
  } finally {
    ended.streams++;
  }
}

test("all items of all streams, each stream's in order", () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 3 })), { maxLength: 5 }),
      async (shapes) => {
        const ended = { streams: 0 };
        const found = shapes.map((): number[] => []);
        for await (const [i, item] of sideBySide(shapes.map(([count, slow]) => counted(count, slow, ended))))
          found[i]!.push(item);
        expect(found).toEqual(shapes.map(([count]) => Array.from({ length: count }, (_, i) => i)));
        expect(ended.streams).toBe(shapes.length);
      },
    ),
    { seed: 1, numRuns: 60 },
  ));

test("a slow stream holds up no other", async () => {
  const ended = { streams: 0 };
  const order: number[] = [];
  for await (const [i] of sideBySide([counted(2, 20, ended), counted(5, 0, ended)])) order.push(i);
  expect(order.slice(0, 5)).toEqual([1, 1, 1, 1, 1]);
});

test("whoever stops early, and a stream that fails, ends all", async () => {
  const stopped = { streams: 0 };
  for await (const _ of sideBySide([counted(9, 1, stopped), counted(9, 1, stopped)])) break;
  for (let i = 0; i < 5; i++) await later();
  expect(stopped.streams).toBe(2);
  const failed = { streams: 0 };
  const failing = (async function* (): AsyncGenerator<number> {
    yield 1;
    throw new Error("no more");
  })();
  const read = async (): Promise<void> => {
    for await (const _ of sideBySide([counted(99, 1, failed), failing]));
  };
  await expect(read()).rejects.toThrow("no more");
  for (let i = 0; i < 5; i++) await later();
  expect(failed.streams).toBe(1);
});
