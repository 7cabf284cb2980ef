/** Libraries that are held, damaged or foreign: refused by name, never half read; the sound one is read as before. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { open as openLmdb } from "lmdb";
import { describe, expect, test } from "vitest";
import { bundledEmbedder, type Embedder } from "../../src/embed/index.ts";
import { open } from "../../src/index.ts";
import { Random } from "../../src/linalg/random.ts";
import { ids, temporaryFolder } from "../support/memory.ts";

/** Damaged copies that are opened and read. */
const CASES = 120;

const { path } = temporaryFolder();
const cli = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** Items in a segment and in the log, and a snapshot of them beside. */
async function library(): Promise<{
  readonly where: string;
  readonly data: string;
  readonly snapshot: string;
}> {
  const [where, snapshot] = [path(), path("snapshot")];
  await using memory = await open(where, { workers: 0 });
  await memory.add(
    Array.from({ length: 60 }, (_, i) => ({
      id: `bulk${i}`,
      text: `Item number ${i}. ${"words fill ".repeat(1_700)}`,
    })),
  );
  await memory.add({ id: "zebra", text: "A zebra is crossing.", meta: { stripes: true } });
  await memory.snapshot(snapshot);
  return { where, snapshot, data: join(where, readdirSync(where).find((name) => name.endsWith(".mdb"))!) };
}

async function expectSound(where: string): Promise<void> {
  await using memory = await open(where, { workers: 0 });
  expect(memory.info().items).toBe(61);
  expect(ids(await memory.search("zebra"))[0]).toBe("zebra");
  expect((await memory.get("bulk59"))?.text).toMatch(/^Item number 59\./);
}

/** Exit code and standard error of the command line. */
function mneme(...args: string[]): Promise<{ readonly exit: number; readonly stderr: string }> {
  return new Promise((resolve) => {
    const child: ChildProcess = execFile(process.execPath, [cli, ...args], (_, __, stderr) =>
      resolve({ exit: child.exitCode ?? -1, stderr }),
    );
  });
}

test("a second writer is refused, from this process and from another, and readers are not", async () => {
  const { where } = await library();
  {
    await using memory = await open(where, { workers: 0 });
    await expect(open(where)).rejects.toMatchObject({ code: "LOCKED" });
    const { exit, stderr } = await mneme("forget", "zebra", "--library", where);
    expect(exit).toBe(4);
    expect(stderr).toContain(String(process.pid));
    expect(await mneme("search", "zebra", "--library", where)).toMatchObject({ exit: 0 });
    await memory.add({ id: "later", text: "added while others tried" });
    await memory.forget({ ids: ["later"] });
  }
  await expectSound(where);
});

test.each([
  ["nothing left", 0],
  ["half a page", 2_000],
  ["a tenth", 0.1],
  ["half", 0.5],
  ["a byte less", -1],
])("a library cut off: %s", async (_, length) => {
  const { where, data } = await library();
  const damaged = path();
  cpSync(where, damaged, { recursive: true });
  const file = data.replace(where, damaged);
  const { size } = statSync(file);
  const left = length < 0 ? size + length : length > 0 && length < 1 ? Math.floor(size * length) : length;
  truncateSync(file, left);
  for (const mode of ["read", "write"] as const)
    await expect(open(damaged, { mode })).rejects.toMatchObject({
      code: "CORRUPT",
      message: expect.stringContaining(file),
    });
  const { exit, stderr } = await mneme("search", "zebra", "--library", damaged);
  expect(exit).toBe(5);
  expect(stderr).toContain(file);
  expect(statSync(file).size).toBe(left); // looked at, not touched
  await expectSound(where);
});

test("a snapshot cut off, or with a bit flipped in any of its bytes", async () => {
  const { where, snapshot } = await library();
  const sound = readFileSync(snapshot);
  await using embedder = await bundledEmbedder();
  const random = new Random(3);
  const codes = new Set<string>();
  for (let i = 0; i < CASES; i++) {
    const bytes = i % 4 === 0 ? sound.subarray(0, random.integer(sound.length)) : Buffer.from(sound);
    if (i % 4 !== 0) bytes[random.integer(bytes.length)]! ^= 1 << random.integer(8);
    codes.add(await readSnapshot(new Uint8Array(bytes), embedder));
  }
  for (const code of codes) expect(["CORRUPT", "FORMAT", "VERSION", "sound"]).toContain(code);
  expect(codes).toContain("CORRUPT");
  expect(await readSnapshot(new Uint8Array(sound), embedder)).toBe("sound");
  await expectSound(where);
});

async function readSnapshot(bytes: Uint8Array, embedder: Embedder): Promise<string> {
  try {
    await using memory = await open(bytes, { embedder });
    let items = 0;
    for await (const { id } of memory.list()) {
      const { text } = (await memory.get(id))!;
      if (!/^Item number \d+\. (words fill )+$|^A zebra is crossing\.$/.test(text)) return "wrong";
      items++;
    }
    return items === 61 ? "sound" : "wrong";
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

test(`a library with a bit flipped or its end cut, ${CASES} times, in a process of its own`, async () => {
  const { where, data } = await library();
  const script = fileURLToPath(new URL("damage.mjs", import.meta.url));
  const child = spawn(process.execPath, [script, where, path("work")], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const random = new Random(4);
  const { size } = statSync(data);
  const name = data.slice(where.length + 1);
  for (let i = 0; i < CASES; i++)
    child.stdin.write(
      i % 8 === 0
        ? `${name} cut ${random.integer(size)}\n`
        : `${name} flip ${random.integer(size)} ${random.integer(8)}\n`,
    );
  child.stdin.end();
  const outcomes: { code: string; named: boolean }[] = [];
  for await (const line of createInterface({ input: child.stdout })) outcomes.push(JSON.parse(line));
  expect(outcomes).toHaveLength(CASES);
  for (const { code, named } of outcomes) {
    expect(["CORRUPT", "FORMAT", "VERSION", "sound"]).toContain(code);
    expect(named).toBe(true);
  }
  expect(outcomes.filter(({ code }) => code === "CORRUPT").length).toBeGreaterThan(CASES / 4);
  await expectSound(where);
}, 120_000);

describe("what is no library", () => {
  const makers: [string, (where: string) => void | Promise<void>][] = [
    ["a text file", (where) => writeFileSync(where, "not a library")],
    ["an empty file", (where) => writeFileSync(where, "")],
    [
      "a folder of other things",
      (where) => {
        mkdirSync(where);
        writeFileSync(join(where, "thesis.tex"), "years of work");
      },
    ],
    [
      "another program's LMDB under our name",
      async (where) => {
        mkdirSync(where);
        const other = openLmdb({ path: join(where, "data-000001.mdb"), noSubdir: true });
        await other.put("theirs", "data");
        await other.close();
      },
    ],
    [
      "noise under our name",
      (where) => {
        mkdirSync(where);
        writeFileSync(join(where, "data-000001.mdb"), Buffer.alloc(20_000, 7));
      },
    ],
  ];

  test.each(makers)("%s is refused and left alone", async (_, make) => {
    const where = path();
    await make(where);
    const before = contents(where);
    for (const mode of ["read", "write"] as const) {
      const refused = open(where, { mode });
      await expect(refused).rejects.toMatchObject({ code: expect.stringMatching(/^(FORMAT|CORRUPT)$/) });
      await expect(refused).rejects.toThrow(where);
    }
    const { exit, stderr } = await mneme("search", "zebra", "--library", where);
    expect(exit).toBe(5);
    expect(stderr).toContain(where);
    expect(contents(where)).toEqual(before);
  });
});

/** Names and bytes, without what LMDB itself keeps beside a file for its readers. */
function contents(where: string): Record<string, string> {
  if (statSync(where).isFile()) return { "": readFileSync(where, "hex") };
  const names = readdirSync(where).filter((name) => !name.endsWith("-lock"));
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(where, name), "hex")]));
}
