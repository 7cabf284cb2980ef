import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { isMnemeError } from "../../../errors.ts";
import { Random } from "../../../linalg/random.ts";
import { type FmBuildOptions, FmIndex } from "./fm-index.ts";

const SEED = 57;
const folder = mkdtempSync(join(tmpdir(), "mneme-fm-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Every place where the pattern begins in a document, byte by byte. */
function scan(
  documents: readonly Uint8Array[],
  pattern: Uint8Array,
): { documents: number[]; offsets: number[] } {
  const found = { documents: [] as number[], offsets: [] as number[] };
  for (const [d, document] of documents.entries()) {
    for (let at = 0; at + pattern.length <= document.length; at++) {
      if (!pattern.every((byte, i) => document[at + i] === byte)) continue;
      found.documents.push(d);
      found.offsets.push(at);
    }
  }
  return found;
}

function nextOf(documents: readonly Uint8Array[], pattern: Uint8Array): { counts: number[]; ends: number } {
  const counts = new Array<number>(256).fill(0);
  let ends = 0;
  const { documents: owners, offsets } = scan(documents, pattern);
  for (const [i, d] of owners.entries()) {
    const byte = documents[d]![offsets[i]! + pattern.length];
    if (byte === undefined) ends++;
    else counts[byte]!++;
  }
  return { counts, ends };
}

const bytesOf = (most: number, maxLength: number): fc.Arbitrary<Uint8Array> =>
  fc.array(fc.integer({ min: 0, max: most }), { maxLength }).map((bytes) => Uint8Array.from(bytes));
const documentSets = fc.oneof(
  ...[1, 3, 255].map((most) => fc.array(bytesOf(most, 80), { minLength: 1, maxLength: 20 })),
);

/** A substring of the joined documents, which may cross from one to the next, or any bytes. */
function patternFrom(
  documents: readonly Uint8Array[],
  at: number,
  length: number,
  other: Uint8Array,
): Uint8Array {
  const joined = Uint8Array.from(documents.flatMap((document) => [...document]));
  const cut = joined.subarray(at % (joined.length + 1), (at % (joined.length + 1)) + length);
  return cut.length > 0 ? cut : Uint8Array.from([...other, 0]);
}

async function expectEqualsScan(
  index: FmIndex,
  documents: readonly Uint8Array[],
  pattern: Uint8Array,
): Promise<void> {
  const expected = scan(documents, pattern);
  expect(await index.count(pattern)).toBe(expected.documents.length);
  const found = await index.locate(pattern);
  expect({ documents: [...found.documents], offsets: [...found.offsets] }).toEqual(expected);
  const next = await index.next(pattern);
  expect({ counts: [...next.counts], ends: next.ends }).toEqual(nextOf(documents, pattern));
}

const small: FmBuildOptions = { sampleRate: 4, inverseRate: 2, blockBytes: 100, shardBytes: 300 };

describe("FmIndex", () => {
  it("equals a scan of random documents", async () => {
    const draws = fc.array(fc.tuple(fc.nat(5000), fc.integer({ min: 1, max: 12 }), bytesOf(255, 5)), {
      minLength: 6,
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(documentSets, draws, async (documents, patterns) => {
        await using index = await FmIndex.build(documents, small);
        expect(index.documents).toBe(documents.length);
        for (const [at, length, other] of patterns)
          await expectEqualsScan(index, documents, patternFrom(documents, at, length, other));
        for (const [d, document] of documents.entries()) {
          expect(await index.extract(d)).toEqual(document);
          expect(await index.extract(d, 3, 9)).toEqual(document.slice(3, 9));
        }
      }),
      { seed: SEED, numRuns: 60 },
    );
  });

  it("equals a scan after appending and merging, on disk", async () => {
    let round = 0;
    await fc.assert(
      fc.asyncProperty(documentSets, documentSets, fc.nat(5000), async (first, second, at) => {
        const place = join(folder, `append ${round++}`);
        const all = [...first, ...second];
        {
          await using index = await FmIndex.build(first, { ...small, folder: place });
          expect(await index.append(second)).toBe(all.length);
          await expectEqualsScan(index, all, patternFrom(all, at, 3, new Uint8Array(0)));
          const { before, after } = await index.merge({ shardBytes: 1 << 20 });
          expect(after).toBeLessThanOrEqual(before);
          expect(after).toBe(1);
          await expectEqualsScan(index, all, patternFrom(all, at, 3, new Uint8Array(0)));
        }
        await using again = await FmIndex.open(place);
        await expectEqualsScan(again, all, patternFrom(all, at, 2, new Uint8Array(0)));
        for (const [d, document] of all.entries()) expect(await again.extract(d)).toEqual(document);
        expect(readdirSync(place).length).toBe(2);
      }),
      { seed: SEED, numRuns: 12 },
    );
  });

  it("reads many blocks through a small cache", async () => {
    let state = 1;
    const random = (): number => {
      state = (state * 48271) % 0x7fffffff;
      return state;
    };
    const words = Array.from({ length: 300 }, () =>
      random()
        .toString(36)
        .slice(0, 2 + (random() % 6)),
    );
    const documents = Array.from({ length: 60 }, () =>
      Buffer.from(Array.from({ length: 900 }, () => words[random() % 300]).join(" ")),
    );
    const place = join(folder, "blocks");
    await using index = await FmIndex.build(documents, {
      folder: place,
      blockBytes: 1 << 17,
      cacheBytes: 150_000,
    });
    for (const text of [`${words[0]} `, `${words[1]} ${words[2]}`, "a", `${words[7]} ${words[8]} x`]) {
      const pattern = Buffer.from(text);
      const expected = { documents: [] as number[], offsets: [] as number[] };
      for (const [d, document] of documents.entries())
        for (let at = document.indexOf(pattern); at >= 0; at = document.indexOf(pattern, at + 1)) {
          expected.documents.push(d);
          expected.offsets.push(at);
        }
      const found = await index.locate(pattern);
      expect({ documents: [...found.documents], offsets: [...found.offsets] }).toEqual(expected);
    }
    expect(Buffer.from(await index.extract(31, 1000, 3000)).equals(documents[31]!.subarray(1000, 3000))).toBe(
      true,
    );
    // side by side, queries do not disturb each other
    const counts = await Promise.all(words.map((word) => index.count(word)));
    expect(counts).toEqual([...(await index.countMany(words))]);
  });

  it("equals a scan of copies with edits, whose blocks hold runs", async () => {
    const random = new Random(SEED);
    const original = Uint8Array.from({ length: 4000 }, () => 97 + random.integer(6));
    const documents = Array.from({ length: 40 }, () =>
      original.map((byte) => (random.integer(90) === 0 ? 97 + random.integer(26) : byte)),
    );
    for (const options of [{}, small]) {
      await using index = await FmIndex.build(documents, options);
      for (let i = 0; i < 12; i++) {
        const [d, at] = [random.integer(40), random.integer(3900)];
        await expectEqualsScan(index, documents, documents[d]!.slice(at, at + 2 + random.integer(40)));
        expect(await index.extract(d)).toEqual(documents[d]);
      }
    }
  });

  it("counts where a node of the tree ends with a record", async () => {
    // 1008 of two bytes among many of a third: a node with as many bits as a record has
    const pairs = Array.from({ length: 504 }, (_, i) => (i % 7 < 3 ? "bc" : "cb")).join("");
    const text = `${"a".repeat(3000)}${pairs}${"ac".repeat(20)}${"a".repeat(3000)}`;
    const document = new TextEncoder().encode(text);
    await using index = await FmIndex.build([document]);
    for (const pattern of ["b", "c", "ca", "ab", "aac", "cba", "bcb", "ccb"])
      await expectEqualsScan(index, [document], new TextEncoder().encode(pattern));
  });

  it("folds case when asked", async () => {
    await using index = await FmIndex.build(["The TEA", "tea and Tea"], { fold: "ascii" });
    expect(await index.count("tEa")).toBe(3);
    expect(new TextDecoder().decode(await index.extract(0))).toBe("the tea");
  });

  it("names documents, follows cursors, bounds what it locates", async () => {
    await using index = await FmIndex.build(["abracadabra", "", "bra", "zebra"], { shardBytes: 12 });
    const { documents, counts } = await index.documentsOf("bra");
    expect([...documents]).toEqual([0, 2, 3]);
    expect([...counts]).toEqual([2, 1, 1]);
    const cursor = await index.extend(await index.find("a"), "b");
    const { ends, counts: next } = await index.next(cursor);
    expect([next[0x72], ends]).toEqual([2, 0]);
    expect((await index.locate("a", { limit: 3 })).documents.length).toBe(3);
    expect(await index.count("longer than all of the text is")).toBe(0);
    expect((await index.next("")).counts[0x61]).toBe(7);
  });

  it("refuses what cannot be searched for", async () => {
    await using index = await FmIndex.build(["text"]);
    await expect(index.count("")).rejects.toSatisfy((error) => isMnemeError(error, "RANGE"));
    await expect(index.count(new Uint8Array(65_537))).rejects.toSatisfy((error) =>
      isMnemeError(error, "RANGE"),
    );
    await expect(index.extract(1)).rejects.toSatisfy((error) => isMnemeError(error, "RANGE"));
    const aborted = AbortSignal.abort();
    await expect(index.locate("t", { signal: aborted })).rejects.toSatisfy((e) =>
      isMnemeError(e, "CANCELLED"),
    );
    await expect(FmIndex.build(["a"], { signal: aborted })).rejects.toSatisfy((e) =>
      isMnemeError(e, "CANCELLED"),
    );
    await expect(FmIndex.build(["a"], { sampleRate: 0 })).rejects.toSatisfy((e) => isMnemeError(e, "RANGE"));
  });

  it("answers nothing of an empty index", async () => {
    await using index = await FmIndex.build([]);
    expect(await index.count("a")).toBe(0);
    await index.append(["", "a"]);
    expect(await index.count("a")).toBe(1);
  });

  it("names what is damaged, byte by byte", async () => {
    const place = join(folder, "damage");
    const documents = ["the quick brown fox", "jumps over the lazy dog"];
    await (await FmIndex.build(documents, { folder: place }))[Symbol.asyncDispose]();
    for (const file of readdirSync(place)) {
      const path = join(place, file);
      const whole = readFileSync(path);
      for (let at = 0; at < whole.length; at += 31) {
        const broken = Uint8Array.from(whole);
        broken[at]! ^= 4;
        writeFileSync(path, broken);
        const search = async (): Promise<void> => {
          await using index = await FmIndex.open(place);
          await index.locate("the");
          await index.extract(1);
          await index.extract(0);
        };
        await expect(search()).rejects.toSatisfy((error) => isMnemeError(error, "CORRUPT"));
      }
      writeFileSync(path, whole);
    }
  });

  it("leaves the old index where a build or merge is cut short", async () => {
    const place = join(folder, "cut");
    await using index = await FmIndex.build(["one", "two"], { folder: place, shardBytes: 3 });
    const failing = (async function* () {
      yield "three";
      yield "four";
      throw new Error("no more");
    })();
    await expect(index.append(failing)).rejects.toThrow("no more");
    expect(index.documents).toBe(2);
    // what a process that was killed leaves behind
    writeFileSync(join(place, "shard-000009.fm"), "half");
    writeFileSync(join(place, "shard-000010.fm.new"), "half");
    await using again = await FmIndex.open(place);
    expect(await again.count("o")).toBe(2);
    await again.append(["five"]);
    expect(readdirSync(place).sort()).toEqual([
      "index.json",
      "shard-000001.fm",
      "shard-000002.fm",
      "shard-000003.fm",
    ]);
  });
});
