/** A cache against plain lists of slots, whatever is done to it in whatever order. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { MnemeError } from "../errors.ts";
import { kernels } from "../kernels/index.ts";
import { Random } from "../linalg/random.ts";
import { PagedCache } from "./paged-cache.ts";

const shape = { layers: 2, kvHeads: 2, headDim: 8 };

/** What a head should hold, slot by slot. */
interface Slot {
  readonly position: number;
  readonly key: number;
  readonly count: number;
}

/** A cache and what its heads should hold: rows of one number each, so that f32 keeps them whole. */
interface Twin {
  readonly cache: PagedCache;
  readonly heads: readonly Slot[][];
  length: number;
}

const operation = fc.record({
  kind: fc.constantFrom("append", "truncate", "keep", "replace", "fork", "drop", "save"),
  cache: fc.nat(7),
  head: fc.nat(3),
  count: fc.nat(90),
  seed: fc.nat(),
});

test("any order of appending, cutting, keeping, replacing, forking, saving and dropping, and every page comes back", () => {
  const face = kernels();
  const { headDim } = shape;
  const rowsOf = (slots: readonly Slot[]): Float32Array =>
    Float32Array.from({ length: slots.length * headDim }, (_, i) => slots[Math.floor(i / headDim)]!.key);
  const put = (cache: PagedCache, head: number, slots: readonly Slot[]): void =>
    cache.replace(head >> 1, head & 1, {
      dim: headDim,
      keys: rowsOf(slots),
      values: rowsOf(slots),
      positions: Int32Array.from(slots, ({ position }) => position),
      counts: Float32Array.from(slots, ({ count }) => count),
    });
  /** As a step does between begin and end. */
  const write = (cache: PagedCache, head: number, rows: Float32Array): void => {
    using room = face.arena.alloc(rows.byteLength);
    room.f32().set(rows);
    const [table, slots] = new Uint32Array(face.arena.buffer, cache.pointer + head * 16, 2);
    const { pointer } = room;
    face.instance.exports.putRows(table!, slots!, rows.length / headDim, headDim, pointer, pointer);
  };
  const check = ({ cache, heads, length }: Twin): void => {
    expect(cache.length).toBe(length);
    heads.forEach((slots, head) => {
      const { keys, values, positions, counts } = cache.segment(head >> 1, head & 1);
      const found = Array.from(positions, (position, i) => ({
        position,
        key: keys[i * headDim]!,
        count: counts?.[i] ?? 1,
      }));
      expect(found).toEqual(slots);
      expect(keys.every((key, i) => key === found[Math.floor(i / headDim)]!.key)).toBe(true);
      expect(values.every((value, i) => value === keys[i])).toBe(true);
    });
  };
  fc.assert(
    fc.property(fc.array(operation, { minLength: 12, maxLength: 25 }), (operations) => {
      const before = face.arena.bytes;
      let key = 0;
      const empty = (): Twin => ({
        cache: new PagedCache(face, shape, { codec: "f32" }),
        heads: [[], [], [], []],
        length: 0,
      });
      const all: Twin[] = [empty()];
      for (const { kind, cache: which, head, count, seed } of operations) {
        const twin = all[which % all.length]!;
        const { cache, heads } = twin;
        const random = new Random(seed);
        if (kind === "append") {
          cache.begin(count);
          for (const [i, slots] of heads.entries()) {
            const own = Array.from({ length: count }, (_, t) => ({
              position: twin.length + t,
              key: ++key,
              count: 1,
            }));
            write(cache, i, rowsOf(own));
            slots.push(...own);
          }
          cache.end(count);
          twin.length += count;
        } else if (kind === "truncate") {
          twin.length = Math.max(0, twin.length - (count >> 1));
          cache.truncate(twin.length);
          for (const slots of heads)
            slots.splice(0, slots.length, ...slots.filter(({ position }) => position < twin.length));
        } else if (kind === "keep") {
          const places = random.sample(heads[head]!.length, count % 12);
          cache.keep(head >> 1, head & 1, Int32Array.from(places));
          heads[head]!.splice(0, heads[head]!.length, ...places.map((place) => heads[head]![place]!));
        } else if (kind === "replace") {
          const slots = heads[head]!.filter(() => random.uniform() < 0.7).map((slot) => ({
            ...slot,
            count: 1 + random.integer(3),
          }));
          put(cache, head, slots);
          heads[head]!.splice(0, heads[head]!.length, ...slots);
        } else if (kind === "fork")
          all.push({ cache: cache.fork(), heads: heads.map((slots) => [...slots]), length: twin.length });
        else if (kind === "save") {
          const { about, heads: bytes } = cache.exported();
          const read = PagedCache.imported(face, about, bytes, (why) => new MnemeError("CORRUPT", why));
          all.push({ cache: read, heads: heads.map((slots) => [...slots]), length: twin.length });
        } else if (all.length > 1) {
          all.splice(all.indexOf(twin), 1);
          cache[Symbol.dispose]();
        }
        for (const one of all) check(one);
      }
      for (const { cache } of all) cache[Symbol.dispose]();
      expect(face.arena.bytes).toBe(before);
    }),
    { seed: 31, numRuns: 150 },
  );
});
