/** Files that cannot be read, or should not be: each is skipped for a reason with its name, all others are there. */
import { execFile } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { type IndexOptions, type IndexResult, type Memory, open } from "../../src/index.ts";
import { Random } from "../../src/linalg/random.ts";
import { ids, temporaryFolder } from "../support/memory.ts";

const { path } = temporaryFolder();
const isRoot = process.getuid?.() === 0;
const isLinux = process.platform === "linux";

/** A folder with two good files, and a library that holds a third one and an item of its own. */
async function withFolder(
  work: (memory: Memory, folder: string) => Promise<void>,
  workers = 0,
): Promise<void> {
  const folder = path("folder");
  mkdirSync(join(folder, "sub"), { recursive: true });
  writeFileSync(join(folder, "before.md"), "# Before\n\nAn earlier walrus.");
  await using memory = await open(":memory:", { workers });
  await memory.add({ id: "own", text: "an earlier zebra" });
  await memory.index(folder);
  writeFileSync(join(folder, "a.md"), "# A\n\nThe aardvark comes first.");
  writeFileSync(join(folder, "sub", "z.txt"), "The zorilla comes last.");
  await work(memory, folder);
  for (const [word, end] of [
    ["zebra", "own"],
    ["walrus", "/before.md"],
    ["aardvark", "/a.md"],
    ["zorilla", "/sub/z.txt"],
  ] as const)
    expect(ids(await memory.search(word, { retriever: "words" }))[0], word).toMatch(new RegExp(`${end}$`));
}

/** What was skipped: path in the folder -> code, after checking that each reason names its file. */
async function skippedBy(
  memory: Memory,
  folder: string,
  options: IndexOptions = {},
): Promise<{ readonly codes: Record<string, string>; readonly result: IndexResult }> {
  const result = await memory.index(folder, options);
  const codes: Record<string, string> = {};
  for (const { id, code, reason } of result.skipped) {
    const relative = id.split("/").slice(1).join("/");
    expect(reason).toContain(join(folder, relative));
    codes[relative] = code;
  }
  return { codes, result };
}

test("a file of 500 MB in one line is skipped by its size, without being read", async () => {
  await withFolder(async (memory, folder) => {
    writeFileSync(join(folder, "huge.txt"), "x");
    truncateSync(join(folder, "huge.txt"), 500e6);
    expect((await skippedBy(memory, folder)).codes).toEqual({ "huge.txt": "TOO_LARGE" });
  });
});

test("a file longer than any string is skipped even where the caller allows it", async () => {
  await withFolder(async (memory, folder) => {
    writeFileSync(join(folder, "huge.txt"), "x");
    truncateSync(join(folder, "huge.txt"), 600e6);
    const { codes } = await skippedBy(memory, folder, { maxFileBytes: 1e12 });
    expect(codes).toEqual({ "huge.txt": "TOO_LARGE" });
  });
});

test("a file of 60 MB in one line is read where that is allowed, in bounded memory", {
  timeout: 240_000,
}, async () => {
  const folder = path("folder");
  mkdirSync(folder);
  const random = new Random(60);
  const words = Array.from({ length: 20_000 }, () => random.u32().toString(36));
  for (let part = 0; part < 60; part++) {
    const some = Array.from({ length: 125_000 }, () => words[random.integer(words.length)]);
    if (part === 40) some[1000] = "needleinthehay";
    appendFileSync(join(folder, "line.txt"), `${some.join(" ").slice(0, 1e6 - 1)} `);
  }
  writeFileSync(join(folder, "small.md"), "small");
  const script = fileURLToPath(new URL("big-line.mjs", import.meta.url));
  const args = [script, path(), folder, "needleinthehay"];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args);
  expect(stderr).toBe("");
  const { peakBytes, ...found } = JSON.parse(stdout);
  expect(found).toMatchObject({ added: 2, skipped: [], snippet: expect.stringContaining("needleinthehay") });
  expect(found.id).toMatch(/line\.txt$/);
  expect(peakBytes).toBeLessThan(1.2e9);
});

test.each([0, 2])(
  "a file that goes between looking and reading is skipped, with %i workers",
  async (workers) => {
    await withFolder(async (memory, folder) => {
      writeFileSync(join(folder, "gone.md"), "soon gone");
      writeFileSync(join(folder, "moved.md"), "soon elsewhere");
      const { codes, result } = await skippedBy(memory, folder, {
        onProgress: ({ phase, current }) => {
          if (phase !== "scan") return;
          if (current === "gone.md") rmSync(join(folder, "gone.md"));
          if (current === "moved.md") renameSync(join(folder, "moved.md"), join(folder, "now.md"));
        },
      });
      expect(codes).toEqual({ "gone.md": "NOT_FOUND", "moved.md": "NOT_FOUND" });
      expect(result).toMatchObject({ added: 2, unchanged: 1 });
      await memory.index(folder);
      expect(ids(await memory.search("elsewhere", { retriever: "words" }))[0]).toMatch(/now\.md$/);
    }, workers);
  },
);

test.runIf(isLinux)("a file that fails while it is read is skipped", async () => {
  await withFolder(async (memory, folder) => {
    symlinkSync("/proc/self/mem", join(folder, "broken.txt")); // reading its beginning is an input error
    expect((await skippedBy(memory, folder)).codes).toEqual({ "broken.txt": "UNREADABLE" });
  });
});

test.skipIf(isRoot)("a file and a folder without permission are skipped", async () => {
  await withFolder(async (memory, folder) => {
    writeFileSync(join(folder, "secret.md"), "secret");
    mkdirSync(join(folder, "closed"));
    chmodSync(join(folder, "secret.md"), 0);
    chmodSync(join(folder, "closed"), 0);
    expect((await skippedBy(memory, folder)).codes).toEqual({
      "secret.md": "UNREADABLE",
      closed: "UNREADABLE",
    });
    chmodSync(join(folder, "closed"), 0o755);
  });
});

test("bad bytes in UTF-8 are repaired, other encodings are guessed, data is skipped; the item says so", async () => {
  await withFolder(async (memory, folder) => {
    const bytes = (...parts: (string | number[])[]): Buffer =>
      Buffer.concat(parts.map((part) => Buffer.from(part as string)));
    writeFileSync(join(folder, "cut.txt"), bytes("Ein Löwe, ein Bär, grüße ", [0xe2, 0x82]));
    writeFileSync(join(folder, "latin.txt"), bytes("caf", [0xe9], " cr", [0xe8], "me"));
    writeFileSync(
      join(folder, "over.txt"),
      bytes("overlong ", [0xc0, 0xaf], " surrogate ", [0xed, 0xa0, 0x80]),
    );
    writeFileSync(join(folder, "data.txt"), bytes([0, 1, 2, 255, 0]));
    expect((await skippedBy(memory, folder)).codes).toEqual({ "data.txt": "BINARY" });
    const encodingOf = async (word: string): Promise<unknown> =>
      (await memory.search(word, { retriever: "words" })).hits[0]?.meta.encoding;
    expect(await encodingOf("Löwe")).toBe("utf-8, repaired");
    expect(await encodingOf("café")).toBe("windows-1252");
    expect(await encodingOf("overlong")).toBe("windows-1252");
    expect(await encodingOf("aardvark")).toBeUndefined();
  });
});

test("links in a circle and into nothing are skipped", async () => {
  await withFolder(async (memory, folder) => {
    symlinkSync(folder, join(folder, "sub", "up"));
    symlinkSync(join(folder, "one.md"), join(folder, "two.md"));
    symlinkSync(join(folder, "two.md"), join(folder, "one.md"));
    symlinkSync(join(folder, "nowhere.md"), join(folder, "dangling.md"));
    expect((await skippedBy(memory, folder)).codes).toEqual({
      "sub/up": "EXCLUDED",
      "one.md": "EXCLUDED",
      "two.md": "EXCLUDED",
      "dangling.md": "UNREADABLE",
    });
  });
});

test("a folder that is not there is an error, and changes nothing", async () => {
  await withFolder(async (memory, folder) => {
    await expect(memory.index(join(folder, "absent"))).rejects.toMatchObject({ code: "NOT_FOUND" });
    await memory.index(folder);
  });
});
