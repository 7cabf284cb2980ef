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
