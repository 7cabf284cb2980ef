import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { builtFile } from "../built-file.ts";
import { kernels, openPool, reference } from "./index.ts";
import { startPool } from "./pool.ts";
import { randomBytes } from "./random-bytes.ts";
import { rowScan } from "./scan.ts";

test.each([0, 1, 2])("a pool of %i workers scans like one thread, again and again", async (workers) => {
  const face = kernels();
  await using pool = await openPool(face, { workers });
  using rows = face.arena.alloc(64 * 1001);
  using query = face.arena.alloc(64);
  using out = face.arena.alloc(4 * 1001);
  rows.u8().set(randomBytes(64 * 1001, 9));
  for (let round = 0; round < 20; round++) {
    query.u8().set(randomBytes(64, round + 1));
    out.u32().fill(0);
    pool.scan({
      kernel: "hamming",
      query: query.pointer,
      rows: rows.pointer,
      count: 1001,
      stride: 64,
      rest: [64, 64],
      out: out.pointer,
    });
    const expected = new Uint32Array(1001);
    reference.hamming(
      randomBytes(64, round + 1),
      { data: randomBytes(64 * 1001, 9), count: 1001, stride: 64 },
      expected,
    );
    expect(out.u32()).toEqual(expected);
  }
});

test.each([0, 1, 2])("scans join those that %i workers are at, and both end", async (workers) => {
  const face = kernels();
  await using pool = await openPool(face, { workers });
  const [count, stride] = [997, 64];
  using rows = face.arena.alloc(stride * count);
  using queries = face.arena.alloc(stride * 3);
  using out = face.arena.alloc(4 * count * 3);
  rows.u8().set(randomBytes(stride * count, 3));
  const scanOf = (number: number) =>
    rowScan({
      kernel: "hamming",
      query: queries.pointer + number * stride,
      rows: rows.pointer,
      count,
      stride,
      rest: [stride, stride],
      out: out.pointer + number * count * 4,
    });
  for (let round = 0; round < 50; round++) {
    const asked = randomBytes(stride * 3, round + 1);
    queries.u8().set(asked);
    out.u32().fill(0);
    using first = pool.fork([scanOf(0)])!;
    expect(pool.fork([scanOf(1)])).toBeUndefined();
    const expected = new Uint32Array(count);
    const expectDone = (number: number): void => {
      const query = asked.subarray(number * stride, (number + 1) * stride);
      reference.hamming(query, { data: rows.u8(), count, stride }, expected);
      expect(out.u32().subarray(number * count, (number + 1) * count)).toEqual(expected);
    };
    if (round % 2 === 0) expect(pool.add([scanOf(1), scanOf(2)])?.join()).toBe(true);
    else {
      using added = pool.add([scanOf(1), scanOf(2)])!;
      expect(pool.add([scanOf(1)])).toBeUndefined();
      // by itself, whatever was added
      expect(first.join()).toBe(true);
      expectDone(0);
      expect(added.join()).toBe(true);
    }
    expect(first.join()).toBe(true);
    for (const number of [0, 1, 2]) expectDone(number);
  }
  const many = Array.from({ length: 400 }, () => scanOf(0));
  using open = pool.fork([scanOf(0)])!;
  expect(pool.add(many)).toBeUndefined();
  expect(open.join()).toBe(true);
});

test("a kernel that fails is an error at once, and the pool goes on", async () => {
  const face = kernels();
  await using pool = await openPool(face, { workers: 1 });
  using room = face.arena.alloc(4096);
  const scan = {
    kernel: "hamming",
    query: room.pointer,
    count: 2,
    stride: 64,
    rest: [64, 64],
    out: room.pointer,
  } as const;
  // the second task begins 64 bytes on: past the end of the memory
  const end = face.arena.memory.buffer.byteLength;
  expect(() => pool.scan({ ...scan, rows: end - 64 })).toThrow(/hamming failed/);
  expect(() => pool.scan({ ...scan, rows: room.pointer })).not.toThrow();
  // nobody joins these scans: that one of them fails is nothing to the next ones
  using other = face.arena.alloc(64);
  other.u8().fill(255);
  using done = face.arena.alloc(4);
  done.u32().fill(0);
  room.u8().fill(0);
  const marked = rowScan({ ...scan, query: other.pointer, rows: room.pointer, count: 1, out: done.pointer });
  const given = pool.fork([rowScan({ ...scan, rows: end - 64 }), marked])!;
  // the worker takes the tasks in their order
  while (Atomics.load(done.u32(), 0) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  given[Symbol.dispose]();
  expect(pool.add([rowScan({ ...scan, rows: room.pointer })])?.join()).toBe(true);
  await expect(openPool(face, { workers: 1.5 })).rejects.toMatchObject({ code: "RANGE" });
});

test("waiting for a pool that is closed before its threads run ends with an error", async () => {
  const face = kernels();
  const pool = await startPool(face, { workers: 2 });
  const ready = pool.ready();
  const failed = expect(ready).rejects.toMatchObject({ code: "DISPOSED" });
  await pool[Symbol.asyncDispose]();
  await failed;
  await expect(pool.ready()).rejects.toMatchObject({ code: "DISPOSED" });
  const run = await openPool(face, { workers: 1 });
  await run[Symbol.asyncDispose]();
  await expect(run.ready()).rejects.toMatchObject({ code: "DISPOSED" });
});

test("a process waits for its pool, and ends without closing it", () => {
  const script = `
    const { kernels, openPool } = await import(${JSON.stringify(builtFile("kernels/index.js", import.meta.url).href)});
    console.log((await openPool(kernels(), { workers: 1 })).threads);`;
  const { status, stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
    timeout: 20_000,
  });
  expect([status, stdout.trim()]).toEqual([0, "2"]);
});
