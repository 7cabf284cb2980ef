/** Models that load out of kept weights are the models that were converted. */
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { writeCheckpoint } from "../../test/support/checkpoint.ts";
import { PRECISIONS } from "../weights/linear-weights.ts";
import { load } from "./load.ts";

const work = mkdtempSync(join(tmpdir(), "mneme-load-weights-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const folder = mkdtempSync(join(work, "model-"));
writeCheckpoint(folder);
let count = 0;

const scores = async (
  weightCache: string | false,
  precision: (typeof PRECISIONS)[number] = "int8",
): Promise<number[]> => {
  await using model = await load(folder, { precision, weightCache, workers: 0 });
  return [...(await model.score("the ban in a"))];
};

describe("kept weights", () => {
  test.each(PRECISIONS)("%s: the second load gives the same, and converts nothing", async (precision) => {
    const cache = join(work, `${count++}`);
    const wanted = await scores(false, precision);
    expect(existsSync(cache)).toBe(false);
    expect(await scores(cache, precision)).toEqual(wanted);
    const [name] = readdirSync(cache);
    const before = statSync(join(cache, name!), { bigint: true });
    expect(await scores(cache, precision)).toEqual(wanted);
    expect(readdirSync(cache)).toEqual([name]);
    // made once: it is the same file
    expect(statSync(join(cache, name!), { bigint: true }).ino).toBe(before.ino);
  });

  test("each precision has a file of its own", async () => {
    const cache = join(work, `${count++}`);
    for (const precision of PRECISIONS) await scores(cache, precision);
    expect(readdirSync(cache)).toHaveLength(3);
  });

  test("what is damaged is made anew", async () => {
    const cache = join(work, `${count++}`);
    const wanted = await scores(cache);
    const path = join(cache, readdirSync(cache)[0]!);
    const good = readFileSync(path);
    for (const at of [0, 20, good.length >> 1, good.length - 100]) {
      const bad = Uint8Array.from(good);
      bad[at] = bad[at]! ^ 255;
      writeFileSync(path, bad);
      expect(await scores(cache)).toEqual(wanted);
      expect(Buffer.compare(readFileSync(path), good)).toBe(0);
    }
  });

  test("of a model that was changed nothing old is used", async () => {
    const cache = join(work, `${count++}`);
    const before = await scores(cache);
    writeCheckpoint(folder, {}, 2);
    const wanted = await scores(false);
    expect(wanted).not.toEqual(before);
    expect(await scores(cache)).toEqual(wanted);
  });

  test("a folder that cannot be written to keeps nothing, and the model loads", async () => {
    const file = join(work, "a file");
    writeFileSync(file, "");
    chmodSync(file, 0o444);
    expect(await scores(join(file, "weights"))).toEqual(await scores(false));
  });

  test("nothing is kept beyond the budget", async () => {
    const cache = join(work, `${count++}`);
    await using _ = await load(folder, { weightCache: cache, weightCacheBytes: 1000, workers: 0 });
    expect(existsSync(cache)).toBe(false);
  });
});
