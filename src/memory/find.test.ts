import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../../test/support/memory.ts";
import { type FindOptions, type Memory, open, type Quotation } from "./index.ts";

const { path } = temporaryFolder();

async function found(memory: Memory, quote: string, options: FindOptions = {}): Promise<Quotation[]> {
  const all: Quotation[] = [];
  for await (const one of memory.find(quote, options)) all.push(one);
  return all;
}

const fold = (text: string): string => text.toLowerCase().replaceAll(/\s/g, " ");

/** Places by the definition. */
function placesIn(
  texts: ReadonlyMap<string, string>,
  quote: string,
  mismatches: number,
): [string, number, number][] {
  const places: [string, number, number][] = [];
  for (const id of [...texts.keys()].sort()) {
    const text = fold(texts.get(id)!);
    for (let at = 0; at + quote.length <= text.length; at++) {
      let differ = 0;
      for (let i = 0; i < quote.length; i++) if (text[at + i] !== fold(quote)[i]) differ++;
      if (differ <= mismatches) places.push([id, at, differ]);
    }
  }
  return places;
}

describe.each(["memory", "disk"])("find in %s", (tier) => {
  const where = (): string => (tier === "memory" ? ":memory:" : path());

  test("is the definition, over segments and the tail", async () => {
    await using memory = await open(where(), { workers: 0 });
    const texts = new Map<string, string>();
    const letters = fc.sample(
      fc.string({ unit: fc.constantFrom("a", "B", "b", " ", "\n", "é"), minLength: 3, maxLength: 120 }),
      { seed: 4, numRuns: 40 },
    );
    letters.forEach((text, i) => {
      texts.set(`t${String(i).padStart(2, "0")}`, `x${text}`);
    });
    const items = [...texts].map(([id, text]) => ({ id, text }));
    await memory.add(items.slice(0, 30));
    await memory.compact();
    await memory.add(items.slice(30));
    for (const quote of ["ab", "b a", "é b", "aaab", "xa"])
      for (const mismatches of [0, 1]) {
        const places = (await found(memory, quote, { mismatches })).map(({ id, start, mismatches: m }) => [
          id,
          start,
          m,
        ]);
        expect(places).toEqual(placesIn(texts, quote, mismatches));
      }
  });

  test("tells line, text and what is around it; never across two texts", async () => {
    await using memory = await open(where(), { workers: 0 });
    await memory.add([
      { id: "a", text: "first line\nThe quick  brown fox\nlast", title: "A", meta: { year: 2020 } },
      { id: "b", text: "the quick\tbrawn fox, again: THE QUICK  BROWN FOX", meta: { year: 2021 } },
      { id: "c", text: "quick la" },
      { id: "d", text: "st things" },
    ]);
    const quote = "quick  brown";
    const [first, ...more] = await found(memory, "the quick  brown fox");
    expect(first).toMatchObject({
      id: "a",
      title: "A",
      line: 2,
      mismatches: 0,
      text: "The quick  brown fox",
      snippet: "The quick  brown fox",
    });
    expect(more.map(({ id, start }) => [id, start])).toEqual([["b", 28]]);
    for (const { snippet, highlight, text } of await found(memory, quote))
      expect(snippet.slice(...highlight)).toBe(text);
    expect((await found(memory, "quick\nbrown", { mismatches: 1 })).map(({ text }) => text)).toEqual([
      "quick\tbrawn",
    ]);
    expect(await found(memory, "last things")).toEqual([]);
    expect(await found(memory, "THE QUICK  BROWN FOX", { ignoreCase: false })).toHaveLength(1);
    expect(await found(memory, quote, { filter: { year: 2020 } })).toHaveLength(1);
    expect(await found(memory, quote, { limit: 1 })).toHaveLength(1);
    await memory.forget({ ids: ["a"] });
    expect((await found(memory, quote)).map(({ id }) => id)).toEqual(["b"]);
  });

  test("what is around a place begins and ends at whole characters", async () => {
    await using memory = await open(where(), { workers: 0 });
    const text = `a${"🐈".repeat(100)} needle${"🐈".repeat(100)}`;
    await memory.add({ id: "a", text });
    for (const quote of ["needle", " needle", "\udc08 needle", "needle\ud83d"]) {
      const [one] = await found(memory, quote);
      const { snippet, highlight, start, end } = one!;
      expect(snippet.isWellFormed()).toBe(true);
      expect(snippet.slice(...highlight)).toBe(text.slice(start, end));
      expect(start - highlight[0]).toBeGreaterThanOrEqual(start - 81);
    }
  });

  test("refuses what cannot be found", async () => {
    await using memory = await open(where(), { workers: 0 });
    await memory.add({ id: "a", text: "something" });
    await expect(found(memory, "")).rejects.toThrow(/quotation is empty/);
    await expect(found(memory, "x".repeat(65_537))).rejects.toThrow(/65537 characters, 65536 are the most/);
    for (const mismatches of [-1, 4, 0.5])
      await expect(found(memory, "some", { mismatches })).rejects.toThrow(/from 0 to 3/);
    await expect(found(memory, "some", { limit: -1 })).rejects.toThrow(/limit must be 0 or more/);
    await expect(found(memory, "some", { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "CANCELLED",
    });
    expect(await found(memory, "x".repeat(60_000))).toEqual([]);
  });
});

test("reads no further than the last place that is wanted", async () => {
  await using memory = await open(":memory:", { workers: 0 });
  const filler = "lorem ipsum ".repeat(100_000);
  await memory.add([
    { id: "a", text: `a needle, ${filler}` },
    { id: "b", text: filler },
  ]);
  const stop = new AbortController();
  const places = memory.find("needle", { limit: 1, signal: stop.signal })[Symbol.asyncIterator]();
  expect((await places.next()).value).toMatchObject({ id: "a" });
  stop.abort();
  expect(await places.next()).toMatchObject({ done: true });
  expect(await found(memory, "needle", { limit: 0, signal: stop.signal })).toEqual([]);
});
