/** A model whose weights are read by the steps that need them: what happens to its file meanwhile, and what a load itself still finds. */
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
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
import { writeSmallGguf } from "../../test/support/checkpoint.ts";
import { kernels } from "../kernels/index.ts";
import { load } from "./load.ts";
import type { Model } from "./model.ts";

const work = mkdtempSync(join(tmpdir(), "mneme-read-when-needed-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const whole = join(work, "whole.gguf");
writeSmallGguf(whole, {}, 1, "Q8_0");
const { size } = statSync(whole);

/** A copy that nobody else uses. */
let count = 0;
function copy(): string {
  const path = join(work, `${count++}.gguf`);
  copyFileSync(whole, path);
  return path;
}

const open = (path: string): Promise<Model> => load(path, { weightCache: false, workers: 0 });
const scores = async (model: Model): Promise<number[]> => [...(await model.score("the ban in a"))];

async function wanted(): Promise<number[]> {
  await using model = await open(whole);
  return await scores(model);
}

describe("weights that a step reads", () => {
  test("a file that is cut after the load is refused by name, as often as it is asked; nothing stays", async () => {
    const before = kernels().arena.bytes;
    await fc.assert(
      fc.asyncProperty(fc.nat(size - 64), async (bytes) => {
        const path = copy();
        await using model = await open(path);
        truncateSync(path, bytes);
        for (let times = 0; times < 2; times++)
          await expect(scores(model)).rejects.toMatchObject({
            code: "CORRUPT",
            message: expect.stringContaining(path),
          });
        await expect(model.generate([5, 6], { maxTokens: 1 }).next()).rejects.toMatchObject({
          code: "CORRUPT",
        });
      }),
      { seed: 4, numRuns: 20 },
    );
    expect(kernels().arena.bytes).toBe(before);
  });

  test("a file that is written to in its place is refused; put aside or removed it is read on", async () => {
    const path = copy();
    {
      await using model = await open(path);
      writeFileSync(path, readFileSync(path).fill(7, size - 64));
      utimesSync(path, new Date(), new Date(Date.now() + 5000));
      await expect(scores(model)).rejects.toMatchObject({
        code: "CORRUPT",
        message: expect.stringContaining(path),
      });
    }
    const other = copy();
    await using model = await open(other);
    rmSync(other);
    expect(await scores(model)).toEqual(await wanted());
  });

  test("a file that is cut before is refused by the load", async () => {
    const path = copy();
    truncateSync(path, size - 1);
    await expect(open(path)).rejects.toMatchObject({
      code: "FORMAT",
      message: expect.stringContaining("truncated"),
    });
  });

  test("a request that is cancelled before its first step leaves the next one all it needs", async () => {
    const path = copy();
    await using model = await open(path);
    const stop = new AbortController();
    const first = model.generate([5, 6], { maxTokens: 1, signal: stop.signal }).next();
    stop.abort();
    await expect(first).rejects.toMatchObject({ code: "CANCELLED" });
    expect(await scores(model)).toEqual(await wanted());
  });

  test("the memory of a load is that of the model that has read all", async () => {
    await using model = await open(whole);
    const { weights, scratch } = model.bytes;
    const before = kernels().arena.bytes;
    model.fingerprint();
    expect(model.bytes.weights).toBe(weights);
    expect(model.bytes.scratch).toBe(scratch);
    // what pieces were read to is given back
    expect(kernels().arena.bytes).toBeLessThanOrEqual(before);
  });

  test.skipIf(process.platform !== "linux")(
    "the file is closed once all is read, or with the model",
    async () => {
      const path = copy();
      const isOpen = (): boolean =>
        readdirSync("/proc/self/fd").some((fd) => {
          try {
            return readlinkSync(join("/proc/self/fd", fd)) === path;
          } catch {
            return false;
          }
        });
      {
        await using _ = await open(path);
        expect(isOpen()).toBe(true);
      }
      expect(isOpen()).toBe(false);
      await using model = await open(path);
      await scores(model);
      expect(isOpen()).toBe(false);
    },
  );
});
