/** Weights that threads place while others are read: the same as without threads, and none at all where the file fails under way. */
import { copyFileSync, mkdtempSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { writeSmallGguf } from "../../test/support/checkpoint.ts";
import { kernels, openPool, type Pool } from "../kernels/index.ts";
import { openGguf } from "../weights/gguf-source.ts";
import { DecoderWeights } from "./decoder-weights.ts";
import { ggufConfig } from "./gguf-config.ts";

const work = mkdtempSync(join(tmpdir(), "mneme-decoder-weights-"));
const pool = await openPool(kernels(), { workers: 2 });
afterAll(async () => {
  rmSync(work, { recursive: true, force: true });
  await pool[Symbol.asyncDispose]();
});

/** @param opened once the header was read. @returns all regions, copied */
async function regionsOf(
  path: string,
  precision: "int8" | "int4",
  threads?: Pool,
  opened = () => {},
): Promise<ReadonlyMap<string, Uint8Array>> {
  const { metadata, tensors } = await openGguf(path);
  using source = tensors;
  opened();
  const config = ggufConfig(metadata, source.shapeOf("lm_head.weight") === undefined, path);
  using weights = new DecoderWeights(kernels(), config, source, precision, { threads: () => threads });
  return new Map([...weights.regions()].map(([name, bytes]) => [name, bytes.slice()]));
}

describe.each([
  ["Q8_0", "int8"],
  ["Q4_0", "int4"],
] as const)("blocks of %s", (type, precision) => {
  const path = join(work, `${type}.gguf`);
  writeSmallGguf(path, {}, 1, type);

  test("threads change nothing", async () => {
    expect(await regionsOf(path, precision, pool)).toEqual(await regionsOf(path, precision));
  });

  test("a file that becomes shorter is refused by name wherever it ends, and nothing of it stays", async () => {
    const cut = join(work, `${type}-cut.gguf`);
    const before = kernels().arena.bytes;
    await fc.assert(
      fc.asyncProperty(fc.nat(statSync(path).size - 64), async (bytes) => {
        copyFileSync(path, cut);
        await expect(regionsOf(cut, precision, pool, () => truncateSync(cut, bytes))).rejects.toMatchObject({
          code: "CORRUPT",
          message: expect.stringMatching(/cut\.gguf: (became shorter|was written to) while it was open/),
        });
        expect(kernels().arena.bytes).toBe(before);
      }),
      { seed: 4, numRuns: 40 },
    );
    expect(await regionsOf(path, precision, pool)).toEqual(await regionsOf(path, precision));
  });
});
