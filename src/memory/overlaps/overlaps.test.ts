/** overlaps: the definition, by shards, by reading through, and by both; planted copies of known size. */
import { cpSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder, toyEmbedder } from "../../../test/support/memory.ts";
import { type Item, type Memory, type OpenOptions, type Overlap, open } from "../index.ts";

const { path } = temporaryFolder();
const opening = (where: string, options: OpenOptions = {}): Promise<Memory> =>
  open(where, { embedder: toyEmbedder(), workers: 0, ...options });

let state = 12345;
const next = (below: number): number => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
};
const word = (): string => {
  const letters = "abcdefghijklmnopqrstuvwxyzäé茶𐐨";
  return Array.from({ length: 2 + next(7) }, () => [...letters][next(30)]!).join("");
};
const made = (words: number): string => Array.from({ length: words }, word).join(" ");

const items: Item[] = Array.from({ length: 150 }, (_, i) => ({
  id: `d${String(i).padStart(3, "0")}`,
  text: made(400),
}));
const WIDTH = 50;

/** Windows of a text, and which stand in any of the texts. */
function byDefinition(
  text: string,
  all: readonly Item[],
): Omit<Overlap, "longest"> & { length: number; start: number } {
  let [windows, found, length, start] = [0, 0, 0, 0];
  for (const { index } of text.matchAll(/\S+/g)) {
    const end = index + WIDTH;
    if (end > text.length || /[\ud800-\udbff]/.test(text[end - 1]!)) continue;
    windows++;
    const holding = all.filter((item) => item.text.includes(text.slice(index, end)));
    if (holding.length === 0) continue;
    found++;
    for (const item of holding) {
      let most = end;
      while (most < text.length && item.text.includes(text.slice(index, most + 1))) most++;
      if (/[\ud800-\udbff]/.test(text[most - 1]!)) most--;
      if (most - index > length) [length, start] = [most - index, index];
    }
  }
  return { windows, found, length, start };
}

/** Some clean, some copied in part or whole, some that miss by one letter. */
const questions: string[] = [];
for (let i = 0; i < 40; i++) {
  const { text } = items[next(items.length)]!;
  const from = text.indexOf(" ", next(text.length - 700)) + 1;
  const copied = text.slice(from, text.indexOf(" ", from + 60 + next(300)));
  if (i % 4 === 0) questions.push(made(60));
  if (i % 4 === 1) questions.push(`${made(10)} ${copied} ${made(10)}`);
  if (i % 4 === 2) questions.push(copied);
  if (i % 4 === 3) questions.push([...copied].map((letter, at) => (at % 30 === 20 ? "#" : letter)).join(""));
}
questions.push("short", "", items[3]!.text.slice(0, 50), `${items[5]!.text} ${made(5)}`, " \n ");

async function check(memory: Memory, all: readonly Item[], texts = questions): Promise<void> {
  const overlaps = await memory.overlaps(texts);
  for (const [i, text] of texts.entries()) {
    const { windows, found, length, start } = byDefinition(text, all);
    expect(overlaps[i]).toMatchObject({ windows, found });
    const { longest } = overlaps[i]!;
    expect(longest === undefined).toBe(found === 0);
    if (!longest) continue;
    expect([longest.start, longest.end - longest.start]).toEqual([start, length]);
    const copy = text.slice(start, start + length);
    const { id } = all.find((item) => item.text.includes(copy))!;
    expect(longest.at).toMatchObject({
      id,
      text: copy,
      start: all.find((one) => one.id === id)!.text.indexOf(copy),
    });
  }
}

let built = "";
beforeAll(async () => {
  built = path();
  await using memory = await opening(built, { substrings: true });
  await memory.add(items);
  await memory.idle();
  expect(memory.info().substrings).toMatchObject({ scannedBytes: 0 });
}, 60_000);

describe("overlaps", () => {
  test("are the definition, by shards and by reading", async () => {
    for (const substrings of [true, false]) {
      await using memory = await opening(built, { mode: "read", substrings });
      await check(memory, items);
    }
  });

  test("are the same of a library that is partly covered, after deletes and additions", async () => {
    const where = path();
    cpSync(built, where, { recursive: true });
    await using memory = await opening(where);
    const more = Array.from({ length: 20 }, (_, i) => ({ id: `e${i + 10}`, text: made(100) }));
    await memory.add(more);
    const texts = [...questions, `${made(3)} ${more[7]!.text.slice(0, 333)}`];
    await check(memory, [...items, ...more], texts);
    await memory.forget({ ids: ["d005", "d003", "e17"] });
    const left = [...items, ...more].filter(({ id }) => !["d005", "d003", "e17"].includes(id));
    await check(memory, left, texts);
  });

  test("take a width, tell how far they are, stop", async () => {
    await using memory = await opening(built, { mode: "read", substrings: false });
    const [wide] = await memory.overlaps([items[0]!.text.slice(0, 300)], { width: 280 });
    expect(wide!.windows).toBeGreaterThan(1);
    expect(wide!.found).toBe(wide!.windows);
    for (const width of [7, 10_001, 50.5, Number.NaN])
      await expect(memory.overlaps(["a"], { width })).rejects.toMatchObject({ code: "RANGE" });
    const seen: number[] = [];
    await memory.overlaps(questions, { onProgress: ({ bytes }) => seen.push(bytes) });
    expect(seen.length).toBeGreaterThan(10);
    expect(seen.at(-1)).toBe(items.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0));
    await expect(memory.overlaps(questions, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "CANCELLED",
    });
  });
});
