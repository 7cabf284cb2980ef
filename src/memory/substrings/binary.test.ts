/** Items of bytes: taken from files, found byte by byte by reading and by shards, listed and read back, passed over without substrings. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { collect, toyEmbedder } from "../../../test/support/memory.ts";
import { Random } from "../../linalg/random.ts";
import { type Memory, type OpenOptions, open } from "../index.ts";

const root = mkdtempSync(join(tmpdir(), "mneme-binary-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const opening = (where: string, options: OpenOptions = {}): Promise<Memory> =>
  open(where, { embedder: toyEmbedder(), workers: 0, substrings: true, ...options });

/** Any bytes, few kinds of them, so that short patterns come often. */
function madeBytes(seed: number, length: number): Uint8Array {
  const random = new Random(seed);
  const kinds = [0, 1, 0x41, 0x61, 0xfa, 0xff, 0xc3, 0xa4, 0x0a];
  return Uint8Array.from({ length }, () => kinds[random.integer(kinds.length)]!);
}

function placesOf(bytes: Uint8Array, wanted: Uint8Array): number[] {
  const [within, what] = [Buffer.from(bytes), Buffer.from(wanted)];
  const places: number[] = [];
  for (let at = within.indexOf(what); at >= 0; at = within.indexOf(what, at + 1)) places.push(at);
  return places;
}

const blobs = [madeBytes(1, 150_000), madeBytes(2, 200_000), madeBytes(3, 999)];
const patterns = [
  [0],
  [0xff, 0xfa],
  [0, 0, 0, 0],
  [0xfa, 0xff, 0x0a, 0x41],
  [...blobs[1]!.subarray(1000, 1020)],
  [7],
].map((bytes) => Uint8Array.from(bytes));

/** Places that are looked at. */
const MOST = 500;

async function check(memory: Memory): Promise<void> {
  for (const pattern of patterns) {
    const wanted = blobs.flatMap((blob, i) => placesOf(blob, pattern).map((at) => [`b${i}`, at]));
    expect(await memory.count(pattern)).toBe(wanted.length);
    const { occurrences } = await memory.locate(pattern, { limit: MOST });
    expect(occurrences.map(({ id, startByte }) => [id, startByte]).join()).toBe(wanted.slice(0, MOST).join());
    for (const { start, end, startByte, endByte, text, snippet, highlight } of occurrences.slice(0, 20)) {
      expect([start, end, endByte]).toEqual([startByte, endByte, startByte + pattern.length]);
      expect(text).toBe(Buffer.from(pattern).toString("latin1"));
      expect(snippet.slice(...highlight)).toBe(text.replace(/[^ -~]/g, "."));
    }
  }
}

describe("items of bytes", () => {
  test("are located in the tail, in segments read through and in shards, and come back as they were", async () => {
    const where = join(root, "library");
    {
      await using memory = await opening(where);
      for (const [i, data] of blobs.entries()) {
        const own = data.slice();
        expect(await memory.add({ id: `b${i}`, title: `blob ${i}`, text: "", data: own })).toMatchObject({
          added: 1,
        });
        own.fill(0x33); // was borrowed
      }
      expect(await memory.add({ id: "b0", title: "blob 0", text: "", data: blobs[0]! })).toMatchObject({
        unchanged: 1,
      });
      await check(memory);
      await memory.compact();
      expect(memory.info().substrings).toMatchObject({ scannedBytes: 0 });
      await check(memory);
      const item = await memory.get("b1");
      expect(item).toMatchObject({ binary: true, bytes: 200_000, text: "", passages: 1 });
      expect(Buffer.compare(item!.data!, blobs[1]!)).toBe(0);
      expect((await memory.search("blob 2", { retriever: "words" })).hits[0]).toMatchObject({
        id: "b2",
        snippet: expect.any(String),
      });
      expect(await collect(memory.find("aA"))).toEqual([]);
    }
    await using scanning = await opening(where, { mode: "read", substrings: false });
    await check(scanning);
  });

  test("of which a stretch is a text take part in overlaps", async () => {
    const quote = "the quick brown fox jumps over the lazy dog, and then some more words follow it";
    const data = Buffer.concat([madeBytes(5, 300_000), Buffer.from(quote), madeBytes(6, 5000)]);
    for (const substrings of [true, false]) {
      await using memory = await opening(":memory:", { substrings });
      await memory.add({ id: "blob", text: "", data });
      await memory.idle();
      const [overlap] = await memory.overlaps([`Once ${quote}`]);
      expect(overlap!.longest).toMatchObject({
        start: 5,
        at: { id: "blob", startByte: 300_000, text: quote },
      });
    }
  });

  test("are refused with a text, and skipped when empty", async () => {
    await using memory = await opening(":memory:");
    const data = new Uint8Array(3);
    await expect(memory.add({ id: "a", text: "x", data })).rejects.toMatchObject({ code: "ARGUMENT" });
    await expect(memory.add({ id: "a", text: "", data: [1] as never })).rejects.toMatchObject({
      code: "ARGUMENT",
    });
    expect((await memory.add({ id: "a", text: "", data: new Uint8Array(0) })).skipped).toMatchObject([
      { code: "EMPTY" },
    ]);
  });
});

describe("files that are no text", () => {
  const folder = join(root, "files");
  mkdirSync(folder);
  writeFileSync(join(folder, "picture.png"), blobs[0]!);
  writeFileSync(join(folder, "zeros.txt"), blobs[2]!);
  writeFileSync(join(folder, "settings.rc"), "colour = teal\n");
  writeFileSync(join(folder, "note.md"), "A note of tea.\0 With a NUL behind it.".padStart(9000, "word "));
  writeFileSync(join(folder, "void.bin"), "");

  test("become items of bytes where substrings are indexed", async () => {
    for (const workers of [0, 1]) {
      await using memory = await opening(":memory:", { workers });
      const { added, skipped } = await memory.index(folder);
      expect([added, skipped.map(({ id, code }) => [id, code])]).toEqual([4, [["files/void.bin", "EMPTY"]]]);
      const heads = await collect(memory.list());
      expect(heads.map(({ id, binary = false, bytes }) => [id, binary, bytes])).toEqual([
        ["files/note.md", false, 9000],
        ["files/picture.png", true, 150_000],
        ["files/settings.rc", false, 14],
        ["files/zeros.txt", true, 999],
      ]);
      expect(heads[1]!.provenance.mediaType).toBe("application/octet-stream");
      expect(await memory.count(Uint8Array.of(0x2e, 0, 0x20))).toBe(1);
      const { occurrences } = await memory.locate(patterns[4]!);
      expect(occurrences).toEqual([]);
      expect((await memory.locate(blobs[2]!.subarray(400, 420))).occurrences).toMatchObject([
        { id: "files/zeros.txt", startByte: 400 },
      ]);
      expect(await memory.index(folder)).toMatchObject({ added: 0, unchanged: 4 });
      expect(await memory.addFile("more.bin", blobs[1]!)).toMatchObject({ added: 1 });
      expect((await memory.locate(patterns[4]!)).occurrences).toMatchObject([
        { id: "more.bin", startByte: 1000 },
      ]);
      await expect(memory.addFile("more.txt", blobs[1]!, { binary: false })).rejects.toMatchObject({
        code: "UNREADABLE",
      });
    }
  });

  test("are skipped by name elsewhere, unless asked", async () => {
    await using memory = await opening(":memory:", { substrings: false });
    const { added, skipped } = await memory.index(folder);
    expect([added, skipped.map(({ id, code }) => [id, code])]).toEqual([1, [["files/zeros.txt", "BINARY"]]]);
    await expect(memory.addFile("more.bin", blobs[1]!)).rejects.toMatchObject({ code: "UNSUPPORTED" });
    expect(await memory.index(folder, { binary: true })).toMatchObject({ added: 3, unchanged: 1 });
    expect((await memory.locate(blobs[2]!.subarray(400, 420))).occurrences).toMatchObject([
      { startByte: 400 },
    ]);
  });
});
