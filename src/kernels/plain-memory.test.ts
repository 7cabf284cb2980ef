/** What runs where memory cannot be shared, as in pages that are not isolated: memory that grows there detaches every view of it. */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Region } from "./arena.ts";

type Kernels = typeof import("./index.ts");
let all: Kernels;

beforeAll(async () => {
  vi.stubGlobal("crossOriginIsolated", false);
  vi.resetModules();
  all = await import("./index.ts");
  expect(all.kernels().arena.buffer).toBeInstanceOf(ArrayBuffer);
});
afterAll(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

/** Takes all memory that there is, so that whoever asks for more makes it grow. */
function fill(): Disposable {
  const { arena } = all.kernels();
  const { byteLength } = arena.buffer;
  const regions: Region[] = [];
  while (arena.buffer.byteLength === byteLength) regions.push(arena.alloc(4096));
  // the last one made it grow by an eighth: the rest of that goes too
  while (regions.at(-1)!.pointer + 4096 + 64 < arena.buffer.byteLength) regions.push(arena.alloc(64));
  return { [Symbol.dispose]: () => regions.forEach((region) => region[Symbol.dispose]()) };
}

test("kernels take views of the arena beside arrays outside it, and write to them", () => {
  const face = all.kernels();
  using rows = face.arena.alloc(8 * 100 * 4);
  using out = face.arena.alloc(100 * 4);
  rows.f32().fill(2);
  using _ = fill();
  const [given, scores] = [rows.f32(), out.f32()];
  face.scaleColumnsF32(given, new Float32Array(8).fill(1.5));
  face.dotF32(new Float32Array(8).fill(1), given, scores);
  expect([...scores]).toEqual(new Array(100).fill(24));
});

test("a pool without threads goes on when memory grew, also between fork and join", async () => {
  const face = all.kernels();
  await using pool = await all.openPool(face, { workers: 2 });
  expect(pool.threads).toBe(1);
  using rows = face.arena.alloc(64 * 100);
  using out = face.arena.alloc(4 * 100);
  rows.u8().fill(0);
  rows.u8().fill(255, 64);
  const args = [rows.pointer, rows.pointer, 100, 64, 64, out.pointer];
  const scan = { kernel: "hamming", count: 100, args, countAt: 2, steps: [0, 64, 0, 0, 0, 4] } as const;
  for (let round = 0; round < 2; round++) {
    out.u32().fill(0);
    using fork = pool.fork([scan])!;
    using _ = fill();
    expect(pool.add([scan])?.join()).toBe(true);
    expect(fork.join()).toBe(true);
    expect([...out.u32()]).toEqual([0, ...new Array(99).fill(512)]);
  }
});

test("runs are read from where they lie when what learns them makes memory grow", () => {
  const face = all.kernels();
  const table = new all.RunTable(face, face.arena, "words", () => 1);
  const learnt: string[] = [];
  const held: Disposable[] = [];
  table.load("one two three two");
  table.fold();
  const count = table.scan((start, end) => {
    held.push(fill());
    learnt.push(String.fromCharCode(...table.units.subarray(start, end)));
  });
  held.push(fill());
  expect([...table.numbers.subarray(0, count)].length).toBe(count);
  expect(learnt.length).toBeGreaterThan(0);
  expect(learnt.join("")).toMatch(/^one/);
  for (const one of [...held, table]) one[Symbol.dispose]();
});
