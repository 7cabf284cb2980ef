import fc from "fast-check";
import { expect, test } from "vitest";
import { type PqCoder, pq } from "../../../codecs/pq.ts";
import { kernels } from "../../../kernels/index.ts";
import { matrix, rowOf } from "../../../linalg/index.ts";
import { memoryStore } from "../../../storage/index.ts";
import { buildSpann } from "./build.ts";
import { blockOf, fromUpperHalf } from "./coarse-codes.ts";
import { ListCoder } from "./list-codes.ts";
import { distance, gaussian, MadeUp } from "./made-up.test.support.ts";
import { NAMESPACE } from "./postings.ts";
import { ProductCodes, toDirections } from "./product-codes.ts";
import { SpannIndex } from "./spann.ts";

const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);

test("blocks say of each row what its codes decode to, and rows may be moved among them", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 40 }),
      fc.integer({ min: 1, max: 80 }),
      fc.integer({ min: 1, max: 1000 }),
      fc.constantFrom("none", "random" as const),
      (dim, count, seed, rotate) => {
        const parts = 1 + (seed % dim);
        const coder = pq({ parts, bits: 4, rotate: rotate as "none" | "random" }).fit(
          gaussian(64, dim, seed),
        ) as PqCoder;
        const codes = new ProductCodes(coder);
        const lists = new ListCoder(codes);
        const [rows, centre] = [gaussian(count, dim, seed + 1), rowOf(gaussian(1, dim, seed + 2), 0)];
        const query = rowOf(gaussian(1, dim, seed + 3), 0);
        const { coarse } = lists.encode(rows.data, centre);
        // the rows backwards, one by one
        const moved = new Uint8Array(coarse.length);
        for (let r = 0; r < count; r++) lists.putRow(moved, count - 1 - r, coarse, r);
        const blocks = Math.ceil(count / 32);
        using at = kernels().arena.alloc(moved.length);
        using out = kernels().arena.alloc(blocks * 128);
        using asked = codes.query();
        at.u8().set(moved);
        asked.set(query);
        const far = distance(query, centre);
        asked.scan(at.pointer, blocks, far, out.pointer);
        const directions = rows.data.map((value, i) => value - centre[i % dim]!);
        const lengths = toDirections(directions, dim);
        const decoded = coder.decode(coder.encode(matrix(count, dim, directions)), count);
        const { bytes, tailAt } = blockOf(codes);
        const view = new DataView(coarse.buffer);
        for (let r = 0; r < count; r++) {
          const tail = Math.floor(r / 32) * bytes + tailAt + (r % 32) * 2;
          const factor = fromUpperHalf(view.getUint16(tail, true));
          const add = fromUpperHalf(view.getUint16(tail + codes.addAt, true));
          const code = rowOf(decoded, r);
          const product = dot(directions.subarray(r * dim, (r + 1) * dim), code);
          if (product > 0) expect(factor / (lengths[r]! / product)).toBeCloseTo(1, 1.9);
          const estimate = far + add - 2 * factor * dot(query, code);
          // of each part's table half a step of bytes
          const scale =
            Math.max(1, factor) * Math.sqrt(dot(query, query)) * Math.max(1, Math.sqrt(dot(code, code)));
          expect(Math.abs(-out.f32()[count - 1 - r]! - estimate)).toBeLessThan(
            0.04 * parts * scale + 0.01 * far,
          );
        }
      },
    ),
    { numRuns: 60 },
  );
});

test("what the codes of a list are wrong by is its radius", () => {
  const dim = 32;
  const coder = pq({ parts: 16, bits: 4, rotate: "random" }).fit(gaussian(500, dim, 1)) as PqCoder;
  const codes = new ProductCodes(coder);
  const [rows, centre] = [gaussian(200, dim, 2), new Float32Array(dim)];
  const { radius } = codes.encode(rows.data.slice(), centre);
  expect(radius).toBeGreaterThan(0);
  expect(
    codes.encode(
      rows.data.map((value) => 3 * value),
      centre,
    ).radius / radius,
  ).toBeCloseTo(3, 1);
  expect(codes.encode(new Float32Array(0), centre)).toEqual({ coarse: new Uint8Array(0), radius: 0 });
  expect(codes.encode(new Float32Array(dim), centre).radius).toBe(0);
});

test("format 3, of 1-bit codes only, is opened; one to come is refused by its number", async () => {
  const rows = new MadeUp(16, 3).rows(300);
  const store = memoryStore();
  await buildSpann(store, "test", rows, { limit: 16, codes: "rabitq1" });
  const key = ["test", "about"];
  const { codes, ...about } = JSON.parse(new TextDecoder().decode(store.get(NAMESPACE, key)!));
  expect([codes, about.format]).toEqual([{ id: "rabitq1", bytes: 0 }, 4]);
  const put = (value: object): Promise<unknown> =>
    store.batch((batch) => batch.put(NAMESPACE, key, new TextEncoder().encode(JSON.stringify(value))));
  await put({ ...about, format: 3 });
  using index = await SpannIndex.open(store, "test");
  expect((await index.search(rowOf(rows, 7), { k: 1 })).rows[0]).toBe(7);
  await index.delete([7]);
  using again = await SpannIndex.open(store, "test");
  expect(again.about).toEqual(index.about);
  await put({ ...about, format: 5 });
  await expect(SpannIndex.open(store, "test")).rejects.toThrow("format 5, expected 4");
});

test("codes that this build does not know are refused", async () => {
  const store = memoryStore();
  await buildSpann(store, "test", new MadeUp(16, 3).rows(300), { codes: "pq4" });
  const other = pq({ parts: 2, bits: 8 })
    .fit(gaussian(300, 16, 1))
    .serialize();
  const whole = store.get(NAMESPACE, ["test", "codes", 0])!;
  const bytes = new Uint8Array(whole.length);
  bytes.set(other.subarray(0, Math.min(other.length, whole.length)));
  await store.batch((batch) => batch.put(NAMESPACE, ["test", "codes", 0], bytes));
  await expect(SpannIndex.open(store, "test")).rejects.toThrow(/coder|not known/);
});
