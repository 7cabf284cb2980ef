/** Models that load out of kept weights are the models that were converted. */
import { spawn } from "node:child_process";
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
import { writeCheckpoint, writeSmallGguf } from "../../test/support/checkpoint.ts";
import { bundleScript } from "../storage/children/bundle.ts";
import { PRECISIONS, type Precision } from "../weights/linear-weights.ts";
import { load } from "./load.ts";

const work = mkdtempSync(join(tmpdir(), "mneme-load-weights-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const folder = mkdtempSync(join(work, "model-"));
writeCheckpoint(folder);
let count = 0;

const scores = async (weightCache: string | false, precision: Precision = "int8"): Promise<number[]> => {
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

  test("what a GGUF file has in the very blocks is not kept twice", async () => {
    const cache = join(work, `${count++}`);
    const path = join(work, "blocks.gguf");
    writeSmallGguf(path, {}, 1, "Q8_0");
    const keptAs = async (precision: Precision): Promise<number> => {
      await using _ = await load(path, { precision, weightCache: cache, workers: 0 });
      return existsSync(cache) ? readdirSync(cache).length : 0;
    };
    expect(await keptAs("int8")).toBe(0);
    expect(await keptAs("int4")).toBe(1);
  });

  test("nothing is kept beyond the budget", async () => {
    const cache = join(work, `${count++}`);
    await using _ = await load(folder, { weightCache: cache, weightCacheBytes: 1000, workers: 0 });
    expect(existsSync(cache)).toBe(false);
  });

  test("processes that keep the same at once find the same, and leave one file", async () => {
    const cache = join(work, `${count++}`);
    const script = await bundleScript("../../model/children/load.ts");
    try {
      const children = [1, 2, 3].map(() =>
        spawn(process.execPath, [script.path, folder, cache, "the ban in a"], {
          stdio: ["pipe", "pipe", "inherit"],
        }),
      );
      const outputs = children.map(({ stdout }) => stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>);
      for (const output of outputs) expect(String((await output.next()).value)).toBe("ready\n");
      for (const child of children) child.stdin.end("go\n");
      const wanted = await scores(false);
      for (const output of outputs) expect(JSON.parse(String((await output.next()).value))).toEqual(wanted);
      expect(readdirSync(cache)).toHaveLength(1);
      expect(await scores(cache)).toEqual(wanted);
    } finally {
      script.remove();
    }
  });
});
