/** Caches on disk: the same again, refused when they are another model's or damaged, within a budget. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { kernels } from "../kernels/index.ts";
import { Random } from "../linalg/random.ts";
import { CACHE_CODECS, type CacheCodec } from "./page-codec.ts";
import { PagedCache } from "./paged-cache.ts";
import { openCache, saveCache } from "./saved-cache.ts";
import { SavedCaches } from "./saved-caches.ts";

const work = mkdtempSync(join(tmpdir(), "mneme-saved-"));
afterAll(() => rmSync(work, { recursive: true }));
const path = join(work, "one.cache");
const origin = { fingerprint: "a".repeat(64), model: "test", rope: { theta: 10000 } };
const shape = { layers: 2, kvHeads: 2, headDim: 32 };
const tokens = Array.from({ length: 150 }, (_, i) => i * 3);

/** Of every kind of content: an encoded page, slots that are missing, slots that stand for several. */
function mixed(codec: CacheCodec = "int8"): PagedCache {
  const cache = new PagedCache(kernels(), shape, { codec, turned: true });
  cache.begin(150);
  cache.end(150);
  const random = new Random(5);
  const rows = (count: number): Float32Array =>
    Float32Array.from({ length: count * 32 }, () => random.gaussian());
  const positions = (count: number): Int32Array => Int32Array.from({ length: count }, (_, i) => i);
  for (let i = 0; i < 4; i++)
    cache.replace(i >> 1, i & 1, { dim: 32, keys: rows(150), values: rows(150), positions: positions(150) });
  cache.encode(0, 0, "lloyd4", 0);
  cache.keep(0, 1, Int32Array.of(1, 70, 149));
  const counts = Float32Array.of(1, 148, 1);
  cache.replace(1, 0, {
    dim: 32,
    keys: rows(3),
    values: rows(3),
    positions: Int32Array.of(0, 5, 149),
    counts,
  });
  return cache;
}

const contents = (cache: PagedCache) => [0, 1, 2, 3].map((i) => cache.segment(i >> 1, i & 1));

test.each(CACHE_CODECS)("comes back as it was, and goes on: %s", (codec) => {
  using cache = mixed(codec);
  saveCache(path, { tokens, cache }, origin);
  const { cache: opened, tokens: found } = openCache(kernels(), path, origin);
  using again = opened;
  expect(found).toEqual(tokens);
  expect(contents(again)).toEqual(contents(cache));
  expect([again.length, again.turned, again.codec]).toEqual([150, true, codec]);
  expect(again.expandedBytes).toBe(cache.expandedBytes);
  for (const one of [cache, again]) {
    one.begin(3);
    one.end(3);
    one.truncate(140);
  }
  expect(contents(again)).toEqual(contents(cache));
  expect(readdirSync(work)).toEqual(["one.cache"]);
});

test("another model, other positions: refused by name", () => {
  using cache = mixed();
  saveCache(path, { tokens, cache }, origin);
  const other = { ...origin, fingerprint: "b".repeat(64), model: "other" };
  expect(() => openCache(kernels(), path, other)).toThrow(
    /one.cache: a cache of test \(aaaaaaaaaaaa\), this model is other \(bbbb/,
  );
  expect(() => openCache(kernels(), path, { ...origin, rope: { theta: 5 } })).toThrow(
    /one.cache: a cache of test/,
  );
  expect(() => openCache(kernels(), join(work, "none"), origin)).toThrow(/none: no saved cache there/);
  expect(() => saveCache(path, { tokens: [1], cache }, origin)).toThrow(/1 tokens for a cache of 150/);
});

test("a damaged file is refused by name, whatever is damaged, and no byte stays behind", () => {
  {
    using cache = mixed();
    saveCache(path, { tokens, cache }, origin);
  }
  const good = readFileSync(path);
  const before = kernels().arena.bytes;
  const random = new Random(9);
  for (let i = 0; i < 300; i++) {
    const bad = Uint8Array.from(good);
    const at = Math.floor(random.uniform() * good.length);
    bad[at]! ^= 1 << (i % 8);
    writeFileSync(path, i % 3 === 0 ? bad.subarray(0, at) : bad);
    try {
      openCache(kernels(), path, origin).cache[Symbol.dispose]();
    } catch (error) {
      expect((error as Error).message).toContain("one.cache");
      expect((error as { code?: string }).code).toMatch(/CORRUPT|VERSION|FORMAT/);
    }
  }
  expect(kernels().arena.bytes).toBe(before);
});

test("a folder of them: within its budget, pinned ones stay, listed and cleared", () => {
  using cache = mixed();
  const folder = join(work, "folder");
  saveCache(path, { tokens, cache }, origin);
  const bytes = readFileSync(path).length;
  const caches = new SavedCaches(folder, bytes * 3);
  const names = () =>
    caches
      .list()
      .map(({ name }) => name)
      .sort();
  caches.save("first", { tokens, cache }, origin);
  caches.pin("first");
  for (const name of ["b", "c", "d", "e"]) caches.save(name, { tokens, cache }, origin);
  expect(names()).toContain("first");
  expect(names().length).toBeLessThanOrEqual(3);
  // another process sees the same
  const { cache: opened } = new SavedCaches(folder, bytes * 3).open("first", kernels(), origin)!;
  using again = opened;
  expect(contents(again)).toEqual(contents(cache));
  expect(caches.list().find(({ name }) => name === "first")).toMatchObject({ pinned: true, tokens: 150 });
  expect(caches.open("nothing", kernels(), origin)).toBeUndefined();
  expect(() => caches.pin("nothing")).toThrow(/no such file to pin/);
  expect(() => caches.open("first", kernels(), { ...origin, fingerprint: "c".repeat(64) })).toThrow(
    /a cache of test/,
  );
  const small = new SavedCaches(folder, bytes);
  expect(() => small.save("more", { tokens, cache }, origin)).toThrow(/beside pinned caches/);
  caches.clear("first");
  expect(names()).not.toContain("first");
  caches.clear();
  expect(names()).toEqual([]);
});
