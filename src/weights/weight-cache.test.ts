/** Weights kept between loads: files of regions and their damage, the folder and its budget, and models that load out of it. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { kernels } from "../kernels/index.ts";
import { Random } from "../linalg/random.ts";
import { crc32 } from "../storage/crc32.ts";
import { RegionFile, writeRegionFile } from "../storage/region-file.ts";
import { LinearWeights, PRECISIONS } from "./linear-weights.ts";
import { defaultWeightCache, fingerprintOf, WEIGHTS, WeightCache } from "./weight-cache.ts";

const work = mkdtempSync(join(tmpdir(), "mneme-weights-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

let count = 0;
const fresh = (): string => join(work, `${count++}`);
const bytes = (length: number, seed: number): Uint8Array => {
  const random = new Random(seed);
  return Uint8Array.from({ length }, () => random.integer(256));
};

describe("a file of regions", () => {
  test("gives back what went in, on places that are multiples of 64", () =>
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(fc.string(), fc.uint8Array({ maxLength: 300 })), {
          selector: ([name]) => name,
        }),
        (regions) => {
          const path = fresh();
          writeRegionFile(path, WEIGHTS, { one: 1 }, new Map(regions));
          using file = new RegionFile(path, WEIGHTS);
          expect(file.about).toEqual({ one: 1 });
          for (const [name, wanted] of regions) {
            const found = new Uint8Array(wanted.length);
            expect(file.fill(name, found)).toBe(true);
            expect(found).toEqual(wanted);
          }
          expect(file.fill("none of them", new Uint8Array(1))).toBe(
            regions.some(([name]) => name === "none of them"),
          );
        },
      ),
      { seed: 3, numRuns: 60 },
    ));

  test("fills kernel memory, in pieces", () => {
    const path = fresh();
    const wanted = bytes(2_500_001, 1);
    writeRegionFile(path, WEIGHTS, {}, new Map([["long", wanted]]));
    using region = kernels().arena.alloc(wanted.length);
    using file = new RegionFile(path, WEIGHTS);
    file.fill("long", region.u8());
    expect(Buffer.compare(Buffer.from(region.u8()), Buffer.from(wanted))).toBe(0);
  });

  test("every changed byte and every cut is found", () => {
    const path = fresh();
    const regions = new Map([
      ["a", bytes(100, 1)],
      ["b", bytes(64, 2)],
    ]);
    writeRegionFile(path, WEIGHTS, { fingerprint: "f" }, regions);
    const good = readFileSync(path);
    const read = (): void => {
      using file = new RegionFile(path, WEIGHTS);
      for (const [name, region] of regions) {
        const found = new Uint8Array(region.length);
        expect(file.fill(name, found)).toBe(true);
        expect(found).toEqual(region);
      }
    };
    const headerEnd = 16 + good.readUInt32LE(8);
    const dataStart = Math.ceil(headerEnd / 64) * 64;
    for (let at = 0; at < good.length; at++) {
      const bad = Uint8Array.from(good);
      bad[at] = bad[at]! ^ 16;
      writeFileSync(path, bad);
      const padding = (at >= headerEnd && at < dataStart) || (at >= dataStart + 100 && at < dataStart + 128);
      if (padding) read();
      else expect(read, `byte ${at}`).toThrow(/region|checksum|weights/);
    }
    for (let length = 0; length < dataStart + 128 + 64; length++) {
      writeFileSync(path, good.subarray(0, length));
      expect(read, `cut to ${length}`).toThrow(path);
    }
  });

  test("a format of another build is none of ours", () => {
    const path = fresh();
    writeRegionFile(path, WEIGHTS, {}, new Map());
    const file = readFileSync(path);
    const json = new TextEncoder().encode(
      file
        .subarray(16, 16 + file.readUInt32LE(8))
        .toString()
        .replace('"format":1', '"format":9'),
    );
    file.set(json, 16);
    file.writeUInt32LE(crc32(json), 12);
    writeFileSync(path, file);
    expect(() => new RegionFile(path, WEIGHTS)).toThrow(/weights of format 9, expected 1/);
  });
});

test("the layout of tiles is the one that LAYOUT_VERSION names: where this fails, raise it", () => {
  const random = new Random(11);
  const values = Float32Array.from({ length: 6 * 64 }, () => random.gaussian());
  const sums = PRECISIONS.map((precision) => {
    using weights = new LinearWeights(kernels(), precision, 6, 64);
    weights.set(0, values);
    return [precision, crc32(weights.region.u8())];
  });
  expect(sums).toMatchInlineSnapshot(`
    [
      [
        "int8",
        924795031,
      ],
      [
        "int4",
        3270234491,
      ],
      [
        "bf16",
        1643527544,
      ],
    ]
  `);
});

describe("the folder", () => {
  const regions = (seed: number, length = 1000): Map<string, Uint8Array> =>
    new Map([["a", bytes(length, seed)]]);
  const contentOf = (cache: WeightCache, fingerprint: string): Uint8Array | undefined => {
    using file = cache.open(fingerprint);
    const found = new Uint8Array(1000);
    return file?.fill("a", found) ? found : undefined;
  };

  test("keeps, lists, forgets", () => {
    const cache = new WeightCache(fresh());
    expect(cache.list()).toEqual([]);
    expect(contentOf(cache, "one")).toBeUndefined();
    cache.keep("one", { model: "m" }, regions(1));
    cache.keep("two", { model: "n" }, regions(2));
    expect(contentOf(cache, "one")).toEqual(bytes(1000, 1));
    expect(
      cache
        .list()
        .map(({ about }) => about.model)
        .sort(),
    ).toEqual(["m", "n"]);
    expect(cache.clear().files).toBe(2);
    expect(cache.list()).toEqual([]);
  });

  test("drops what was not used for the longest time", () => {
    const cache = new WeightCache(fresh(), 4000);
    for (const [i, name] of ["a", "b", "c"].entries()) {
      cache.keep(name, {}, regions(i));
      const path = cache.list()[0]!.path;
      utimesSync(path, 1000 + i, 1000 + i);
    }
    contentOf(cache, "a");
    cache.keep("d", {}, regions(4));
    expect(["a", "b", "c", "d"].map((name) => contentOf(cache, name) !== undefined)).toEqual([
      true,
      false,
      true,
      true,
    ]);
    expect(cache.keep("e", {}, regions(5, 5000))).toBe(false);
    const held = cache.list().reduce((sum, one) => sum + one.bytes, 0);
    expect(held).toBeLessThanOrEqual(4000 + 3 * 300);
  });

  test("removes what is damaged, and what belongs to another model", () => {
    const cache = new WeightCache(fresh());
    cache.keep("one", {}, regions(1));
    const path = cache.list()[0]!.path;
    truncateSync(path, statSync(path).size - 500);
    expect(cache.open("one")).toBeUndefined();
    expect(readdirSync(cache.folder)).toEqual([]);
    writeRegionFile(path, WEIGHTS, { fingerprint: "another" }, regions(1));
    expect(cache.open("one")).toBeUndefined();
    expect(readdirSync(cache.folder)).toEqual([]);
  });

  test("unfinished files of the dead go, those of now stay", () => {
    const cache = new WeightCache(fresh());
    mkdirSync(cache.folder);
    for (const name of ["old.unfinished", "new.unfinished"]) writeFileSync(join(cache.folder, name), "");
    utimesSync(join(cache.folder, "old.unfinished"), 1000, 1000);
    cache.keep("one", {}, regions(1));
    expect(readdirSync(cache.folder).filter((name) => name.endsWith(".unfinished"))).toEqual([
      "new.unfinished",
    ]);
  });

  test("two that keep the same at once leave one whole file", () => {
    const folder = fresh();
    const [one, other] = [new WeightCache(folder), new WeightCache(folder)];
    one.keep("f", {}, regions(1));
    {
      // a reader goes on with the file that it has open
      using file = one.open("f")!;
      other.keep("f", {}, regions(1));
      const found = new Uint8Array(1000);
      expect(file.fill("a", found)).toBe(true);
      expect(found).toEqual(bytes(1000, 1));
    }
    expect(readdirSync(folder)).toHaveLength(1);
    expect(contentOf(other, "f")).toEqual(bytes(1000, 1));
  });

  test("lies where the system wants caches", () => {
    expect(defaultWeightCache()).toBe(join(process.env.XDG_CACHE_HOME!, "mneme", "weights"));
  });
});

test("a fingerprint changes with the configuration, the precision, the time, the size and the content", () => {
  const path = fresh();
  const content = bytes(300_000, 1);
  const write = (): void => {
    writeFileSync(path, content);
    utimesSync(path, 1000, 1000);
  };
  write();
  const of = (parts: Readonly<Record<string, unknown>> = { precision: "int8" }): string =>
    fingerprintOf([path], parts);
  const first = of();
  expect(of()).toBe(first);
  expect(of({ precision: "int4" })).not.toBe(first);
  for (const at of [0, 150_000, 299_999]) {
    content[at] = content[at]! ^ 1;
    write();
    expect(of()).not.toBe(first);
    content[at] = content[at]! ^ 1;
  }
  write();
  expect(of()).toBe(first);
  utimesSync(path, 1001, 1001);
  expect(of()).not.toBe(first);
});
