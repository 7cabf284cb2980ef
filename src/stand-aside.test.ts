import { expect, test } from "vitest";
import { Answering, standAside, standAsideFor } from "./stand-aside.ts";

test("counts who waits for an answer, whatever the order in which they get it", () => {
  const answering = new Answering();
  const [first, second] = [answering.begin(), answering.begin()];
  expect(answering.count[0]).toBe(2);
  first[Symbol.dispose]();
  expect(answering.count[0]).toBe(1);
  using _ = answering.begin();
  second[Symbol.dispose]();
  expect(answering.count[0]).toBe(1);
});

test("a thread stands aside only where it was told to, and comes on though nobody gets an answer", () => {
  const answering = new Answering();
  standAside();
  standAsideFor(answering.count);
  standAside();
  const waiting = answering.begin();
  // this one would never come on by itself if nothing bounded it
  for (let i = 0; i < 1000; i++) standAside();
  waiting[Symbol.dispose]();
  standAside();
  expect(answering.count[0]).toBe(0);
});

test("an answer that comes in parts is waited for from when a part is asked for until it is there", async () => {
  const answering = new Answering();
  const seen: number[] = [];
  let isClosed = false;
  async function* parts(): AsyncGenerator<number> {
    try {
      for (let part = 0; part < 5; part++) {
        seen.push(answering.count[0]!);
        yield part;
      }
    } finally {
      isClosed = true;
    }
  }
  for await (const part of answering.during(parts())) {
    expect(answering.count[0]).toBe(0);
    if (part === 2) break;
  }
  expect(seen).toEqual([1, 1, 1]);
  expect([isClosed, answering.count[0]]).toEqual([true, 0]);
});

test("nobody waits for an answer that failed", async () => {
  const answering = new Answering();
  async function* failing(): AsyncGenerator<number> {
    yield 1;
    throw new Error("no more");
  }
  const all = async (): Promise<void> => {
    for await (const _ of answering.during(failing()));
  };
  await expect(all()).rejects.toThrow("no more");
  expect(answering.count[0]).toBe(0);
});
