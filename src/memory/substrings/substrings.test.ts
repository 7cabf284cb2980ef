/** count, locate and find by shards of substrings and by reading through: the same places, whatever was added, forgotten, merged, damaged. */
import { cpSync } from "node:fs";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { collect, temporaryFolder, toyEmbedder } from "../../../test/support/memory.ts";
import { openPath } from "../../storage/open-path.ts";
import type { Store } from "../../storage/store.ts";
import { type Item, type Memory, type Occurrence, type OpenOptions, open } from "../index.ts";

const { path } = temporaryFolder();
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

const opening = (where: string, options: OpenOptions = {}): Promise<Memory> =>
  open(where, { embedder: toyEmbedder(), workers: 0, substrings: true, ...options });

/** Words of few letters, so that pieces of them come often; letters of one to four bytes. */
const WORDS = ["tea", "Tea", "TEAM", "steam", "ÄRA", "ära", "茶", "茶の", "𐐨𐐀", "a\0b", "\n", "no", "\t  "];
const madeText = (seed: number, words: number): string => {
  let state = seed * 2654435761 + 1;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 8;
  };
  return Array.from({ length: words }, () => WORDS[next() % WORDS.length]!).join(next() % 3 ? " " : "");
};
const items: Item[] = Array.from({ length: 120 }, (_, i) => ({
  id: `t${String(i).padStart(3, "0")}`,
  text: i % 17 === 0 ? `x${i}` : madeText(i, 60 + ((i * 37) % 1100)),
  meta: { half: i < 60 ? "first" : "second" },
}));

/** Small letters, each with the bytes before it. */
const folded = new Map<string, [string[], number[]]>();
function fold(text: string): [string[], number[]] {
  const known = folded.get(text);
  if (known) return known;
  const letters = [...text];
  const starts = [0];
  for (const letter of letters) starts.push(starts.at(-1)! + encoder.encode(letter).length);
  const made: [string[], number[]] = [letters.map((letter) => letter.toLowerCase()), starts];
  folded.set(text, made);
  return made;
}

/** By the definition: every place of every text. */
function placesOf(
  all: readonly Item[],
  text: string | Uint8Array,
  ignoreCase = false,
): [string, number, number][] {
  const places: [string, number, number][] = [];
  for (const { id, text: within } of all) {
    if (ignoreCase) {
      const [[wanted], [letters, starts]] = [fold(text as string), fold(within)];
      for (let at = 0; at + wanted.length <= letters.length; at++)
        if (wanted.every((letter, i) => letters[at + i] === letter))
          places.push([id, starts[at]!, starts[at + wanted.length]!]);
      continue;
    }
    const wanted = Buffer.from(typeof text === "string" ? encoder.encode(text) : text);
    const bytes = Buffer.from(within);
    for (let at = bytes.indexOf(wanted); at >= 0; at = bytes.indexOf(wanted, at + 1))
      places.push([id, at, at + wanted.length]);
  }
  return places;
}

const QUERIES = [
  "tea",
  "team",
  "茶",
  "\u0000",
  " ",
  "a\0b",
  "steam\n",
  "ära",
  "nowhere at all",
  "TEAM steam",
  "𐐨",
];

const SOME = ["team", "a\0b", "𐐨"];

const told = (found: Iterable<Occurrence>): [string, number, number][] =>
  [...found].map(({ id, startByte, endByte }) => [id, startByte, endByte]);

async function check(memory: Memory, all: readonly Item[], queries = QUERIES): Promise<void> {
  for (const text of [...queries, Uint8Array.of(0x8c), Uint8Array.of(0xa8, 0xf0)])
    for (const ignoreCase of typeof text === "string" ? [false, true] : [false]) {
      const wanted = placesOf(all, text, ignoreCase);
      expect(await memory.count(text, { ignoreCase })).toBe(wanted.length);
      const limit = ignoreCase ? 30 : 300;
      expect(told(await memory.locate(text, { ignoreCase, limit }))).toEqual(wanted.slice(0, limit));
    }
}

let built = "";
beforeAll(async () => {
  built = path();
  await using memory = await opening(built);
  await memory.add(items);
  await memory.idle();
  expect(memory.info().substrings).toMatchObject({ scannedBytes: 0, refused: [] });
}, 60_000);

function copyOf(where: string): string {
  const copy = path();
  cpSync(where, copy, { recursive: true });
  return copy;
}

describe("count and locate", () => {
  test("are the definition, by shards and by reading through", async () => {
    await using indexed = await opening(built, { mode: "read" });
    await check(indexed, items);
    await using read = await opening(built, { mode: "read", substrings: false });
    expect(read.info().substrings).toBeUndefined();
    await check(read, items);
  });

  test("of random texts", async () => {
    await using memory = await opening(built, { mode: "read" });
    const place = fc.tuple(fc.nat(items.length - 1), fc.nat(), fc.integer({ min: 1, max: 30 }));
    for (const [number, from, length] of fc.sample(place, { seed: 7, numRuns: 60 })) {
      const bytes = encoder.encode(items[number]!.text);
      const start = from % bytes.length;
      const some = bytes.subarray(start, start + length);
      expect(await memory.count(some)).toBe(placesOf(items, some).length);
    }
  });

  test("tell characters, lines and the words around", async () => {
    await using memory = await opening(built, { mode: "read" });
    for (const text of ["steam\n", "茶", "𐐨", "TEAM"])
      for (const found of await memory.locate(text)) {
        const { text: whole } = (await memory.get(found.id))!;
        expect(whole.slice(found.start, found.end)).toBe(text);
        expect(found.text).toBe(text);
        expect(found.line).toBe(whole.slice(0, found.start).split("\n").length);
        expect(found.snippet.slice(...found.highlight)).toBe(text);
        expect(whole).toContain(found.snippet);
        expect(encoder.encode(whole.slice(0, found.start)).length).toBe(found.startByte);
      }
    // within a letter: the whole letter is shown
    for (const found of (await memory.locate(Uint8Array.of(0x8c), { limit: 5 })).occurrences) {
      expect(found.text).toBe("茶");
      expect((await memory.get(found.id))!.text.slice(found.start, found.end)).toBe("茶");
    }
  });

  test.each([true, false])("page by cursor, substrings: %s", async (substrings) => {
    await using memory = await opening(built, { mode: "read", substrings });
    for (const text of ["tea", "a\0b"]) {
      const found: [string, number, number][] = [];
      for (let cursor: string | undefined; ; ) {
        const page = await memory.locate(text, { limit: 97, ...(cursor ? { cursor } : {}) });
        found.push(...told(page));
        cursor = page.next;
        if (!cursor) break;
        expect(page.occurrences).toHaveLength(97);
      }
      expect(found).toEqual(placesOf(items, text));
    }
    const none = await memory.locate("tea", { limit: 0 });
    expect(none.occurrences).toEqual([]);
    expect(none.next).toBeDefined();
  });

  test("take a filter", async () => {
    await using memory = await opening(built, { mode: "read" });
    const filter = { fields: { half: "second" } };
    const wanted = placesOf(items.slice(60), "team", true);
    expect(await memory.count("team", { filter, ignoreCase: true })).toBe(wanted.length);
    expect(told(await memory.locate("team", { filter, ignoreCase: true, limit: 1e6 }))).toEqual(wanted);
  });

  test("refuse what cannot be looked for", async () => {
    await using memory = await opening(built, { mode: "read" });
    for (const verb of ["count", "locate"] as const) {
      await expect(memory[verb]("")).rejects.toMatchObject({ code: "ARGUMENT" });
      await expect(memory[verb](new Uint8Array(65_537))).rejects.toMatchObject({ code: "RANGE" });
      await expect(memory[verb](7 as never)).rejects.toMatchObject({ code: "ARGUMENT" });
      await expect(memory[verb]("tea", { signal: AbortSignal.abort() })).rejects.toMatchObject({
        code: "CANCELLED",
      });
    }
    expect(await memory.count(new Uint8Array(65_536).fill(7))).toBe(0);
    await expect(memory.locate("tea", { limit: 1.5 })).rejects.toMatchObject({ code: "RANGE" });
    await expect(memory.locate("tea", { cursor: "here" })).rejects.toMatchObject({ code: "ARGUMENT" });
  });
});

describe("a library with shards", () => {
  test("hides what is forgotten at once, follows what is added, merged and undone", async () => {
    await using memory = await opening(copyOf(built));
    const { undo } = await memory.forget({ where: { fields: { half: "first" } } });
    await check(memory, items.slice(60), SOME);
    await memory.undo(undo!);
    await check(memory, items, SOME);
    await memory.forget({ ids: ["t003", "t070"] });
    const added = { id: "zz", text: "a steam team of tea ära" };
    await memory.add(added);
    const now = [...items.filter(({ id }) => id !== "t003" && id !== "t070"), added];
    await check(memory, now, SOME);
    await memory.compact();
    await check(memory, now, SOME);
    expect(memory.info().substrings).toMatchObject({ scannedBytes: 0 });
    const larger = items.map((item, i) => ({ ...item, id: `u${String(i).padStart(3, "0")}` }));
    await memory.add(larger);
    await check(memory, [...now, ...larger], SOME);
    await memory.idle();
    await check(memory, [...now, ...larger], SOME);
    await memory.compact();
    await check(memory, [...now, ...larger], SOME);
  });

  test("remembers that it shall have them, counts their bytes, drops them when told", async () => {
    const where = copyOf(built);
    const disk = (memory: Memory): number =>
      memory.stats().find(({ structure }) => structure === "substrings: shard")?.bytes ?? 0;
    const textBytes = items.reduce((sum, { text }) => sum + encoder.encode(text).length, 0);
    {
      await using memory = await open(where, { embedder: toyEmbedder(), workers: 0 });
      expect(disk(memory)).toBeGreaterThan(10_000);
      expect(disk(memory)).toBeLessThan(0.5 * textBytes);
      const ram = memory.stats().find(({ structure }) => structure === "substrings")!;
      expect(ram.bytes).toBeGreaterThan(1 << 20);
    }
    {
      await using memory = await opening(where, { substrings: false });
      await memory.compact();
      expect(disk(memory)).toBe(0);
      await check(memory, items);
    }
    await using memory = await open(where, { embedder: toyEmbedder(), workers: 0 });
    await memory.idle();
    expect(disk(memory)).toBe(0);
    expect(memory.info().substrings).toBeUndefined();
  });

  test("goes with snapshots", async () => {
    const file = path("snapshot.mneme");
    {
      await using memory = await opening(built, { mode: "read" });
      await memory.snapshot(file);
    }
    await using memory = await open(file, { embedder: toyEmbedder(), mode: "read" });
    expect(memory.info().substrings).toMatchObject({ scannedBytes: 0 });
    await check(memory, items);
  });

  test("closing stops the building, and the next opening goes on", async () => {
    const where = path();
    {
      await using memory = await opening(where);
      await memory.add(items);
    }
    await using memory = await opening(where);
    await memory.idle();
    expect(memory.info().substrings).toMatchObject({ scannedBytes: 0 });
  });
});

/** Overwrites pages of a part, with checksums that are right. */
async function damage(where: string, part: string, [from, to]: [number, number?]): Promise<void> {
  const options = { mode: "write", lock: "refuse", lockTimeoutMs: 0, commitThread: false } as const;
  const store = (await openPath(where, options)) as Store;
  const pages = [...store.range("segments")].filter(({ key }) => key[1] === part);
  expect(pages.length).toBeGreaterThan(1);
  const wrong = pages.map(({ key, value }) => ({ key, value: new Uint8Array(value.length).fill(0x7f) }));
  await store.batch((batch) => {
    for (const { key, value } of wrong.slice(from, to)) batch.put("segments", key, value);
  });
  await store.close();
}

describe("a damaged shard", () => {
  test("is named, its segment read through, and built anew", async () => {
    const where = copyOf(built);
    await damage(where, "substrings/shard.0", [-1]);
    const said: string[] = [];
    const onWarning = (message: string): unknown => said.push(message);
    {
      await using memory = await opening(where, { mode: "read", onWarning });
      expect(said).toEqual([expect.stringMatching(/segment \d+ is read through: .*shard\.0/)]);
      expect(memory.info().substrings).toMatchObject({ indexedBytes: 0, refused: said });
      await check(memory, items);
    }
    await using memory = await opening(where, { onWarning });
    await memory.idle();
    expect(memory.info().substrings).toMatchObject({ scannedBytes: 0, refused: [] });
    await check(memory, items);
  });

  test("that shows it only when it is read, too", async () => {
    const where = copyOf(built);
    // the tables that are read at opening lie in the last two pages
    await damage(where, "substrings/shard.0", [0, -2]);
    const said: string[] = [];
    const onWarning = (message: string): unknown => said.push(message);
    {
      await using reader = await opening(where, { mode: "read", onWarning });
      expect(reader.info().substrings).toMatchObject({ refused: [] });
      await Promise.all(["tea", "team", "steam"].map((text) => reader.count(text)));
      expect(reader.info().substrings!.refused).toEqual(said);
      expect(said).toEqual([expect.stringMatching(/is read through: .*block \d+,/)]);
      await check(reader, items);
    }
    await using memory = await opening(where, { onWarning });
    await memory.count("tea");
    expect(said[1]).toBe(said[0]);
    await check(memory, items);
    await memory.idle();
    expect(memory.info().substrings).toMatchObject({ scannedBytes: 0, refused: [] });
    await check(memory, items);
  });
});

test("a find by shards finds what was copied, some letters changed, in other case and with other blanks", async () => {
  await using indexed = await opening(built, { mode: "read" });
  await using read = await opening(built, { mode: "read", substrings: false });
  for (let i = 1; i < 120; i += 9) {
    const from = items[i]!.text.slice(30, 110);
    if (from.length < 80 || !from.isWellFormed()) continue;
    const mismatches = i % 4;
    const letters = [...from].map((letter, at) => {
      // of pairs each unit is compared by itself, and has no case
      if (letter.length > 1) return letter;
      return /\s/.test(letter) && at % 2 ? "\u2003" : letter.toUpperCase();
    });
    for (let n = 0; n < mismatches; n++) letters[7 + 19 * n] = "#".repeat(letters[7 + 19 * n]!.length);
    const quote = letters.join("");
    const places = await collect(indexed.find(quote, { mismatches: mismatches * 2 }));
    expect(places).toEqual(await collect(read.find(quote, { mismatches: mismatches * 2 })));
    expect(places.map(({ id }) => id)).toContain(items[i]!.id);
    expect(await collect(indexed.find(from, { ignoreCase: false }))).toEqual(
      await collect(read.find(from, { ignoreCase: false })),
    );
  }
});

test("a find by shards is a find by reading", async () => {
  await using indexed = await opening(built, { mode: "read" });
  await using read = await opening(built, { mode: "read", substrings: false });
  for (const [quote, mismatches] of [
    ["team STEAM no", 0],
    ["tea team ära", 2],
    ["nowhere at all", 1],
    ["茶の team tea", 1],
    ["a\0b no", 0],
  ] as const)
    for (const ignoreCase of [true, false]) {
      const options = { mismatches, ignoreCase };
      expect(await collect(indexed.find(quote, options))).toEqual(await collect(read.find(quote, options)));
    }
  expect(decoder.decode(encoder.encode(items[1]!.text))).toBe(items[1]!.text);
});
