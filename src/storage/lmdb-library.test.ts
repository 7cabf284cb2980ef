/** Folders, locks, readers and refusals of the disk store; its space: lmdb-compaction.test.ts. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open as openLmdb } from "lmdb";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isMnemeError } from "../errors.ts";
import { type BundledScript, bundleScript } from "./children/bundle.ts";
import { LineChild } from "./children/start.ts";
import { encodeKey } from "./key.ts";
import { lmdbStore } from "./lmdb-store.ts";
import { openPath } from "./open-path.ts";
import { sealValue } from "./sealed-value.ts";
import { HEADER_KEY } from "./store-header.ts";

const root = mkdtempSync(join(tmpdir(), "mneme-library-"));
let script: BundledScript;
let folder = "";
let count = 0;

beforeAll(async () => {
  script = await bundleScript("hold.ts");
});
afterAll(() => {
  script.remove();
  rmSync(root, { recursive: true, force: true });
});
beforeEach(() => {
  folder = join(root, `case-${count++}`);
});

const text = (value: Uint8Array | undefined): string => new TextDecoder().decode(value);

async function errorOf(action: () => unknown): Promise<{ code: string; message: string }> {
  try {
    await action();
  } catch (error) {
    if (isMnemeError(error)) return error;
    throw error;
  }
  return { code: "no error", message: "" };
}

async function makeLibrary(): Promise<string> {
  const store = await lmdbStore(folder);
  await store.batch((b) => {
    for (let i = 0; i < 50; i++) b.put("n", [i], new Uint8Array(3000).fill(i));
    b.put("n", ["k"], Buffer.from("first"));
  });
  await store.close();
  return join(folder, readdirSync(folder).find((name) => name.endsWith(".mdb"))!);
}

async function hold(timeoutMs = 0): Promise<LineChild> {
  const child = new LineChild(process.execPath, [script.path, folder, `${timeoutMs}`]);
  expect(await child.line()).toBe("open");
  return child;
}

describe("one writer", () => {
  it("refuses a second at once, in this process and from another, naming the holder", async () => {
    const store = await lmdbStore(folder);
    const error = await errorOf(() => lmdbStore(folder));
    expect(error.code).toBe("LOCKED");
    expect(error.message).toContain(String(process.pid));
    await store.close();
    const child = await hold();
    const second = await errorOf(() => lmdbStore(folder));
    expect(second.code).toBe("LOCKED");
    expect(second.message).toContain(String(child.process.pid));
    expect(await child.ask("close")).toBe("closed");
    await (await lmdbStore(folder)).close();
  });

  it("waits as long as asked, and takes over when the holder ends", async () => {
    const child = await hold();
    expect((await errorOf(() => lmdbStore(folder, { lockTimeoutMs: 150 }))).code).toBe("LOCKED");
    const waiting = lmdbStore(folder, { lockTimeoutMs: 20_000 });
    expect(await child.ask("put late")).toBe("1");
    await child.ask("close");
    const store = await waiting;
    expect(text(store.get("n", ["k"]))).toBe("late");
    await store.close();
  });

  it("takes over from a killed one at once", async () => {
    const child = await hold();
    await child.ask("put kept");
    await child.kill();
    const store = await lmdbStore(folder);
    expect(text(store.get("n", ["k"]))).toBe("kept");
    expect(readdirSync(folder).filter((name) => name.endsWith(".lock")).length).toBe(1);
    await store.close();
    expect(readdirSync(folder).filter((name) => name.endsWith(".lock"))).toEqual([]);
  });

  it("lets exactly one of many through", async () => {
    await makeLibrary();
    const opened = await Promise.allSettled(Array.from({ length: 8 }, () => lmdbStore(folder)));
    const through = opened.filter((result) => result.status === "fulfilled");
    expect(through.length).toBeLessThanOrEqual(1);
    for (const result of opened)
      if (result.status === "rejected") expect(isMnemeError(result.reason, "LOCKED")).toBe(true);
    for (const result of through) await result.value.close();
    const takeTurn = async (): Promise<void> => {
      const child = await hold(20_000);
      expect((await errorOf(() => lmdbStore(folder))).code).toBe("LOCKED");
      await child.ask("put x");
      expect(await child.ask("close")).toBe("closed");
    };
    await Promise.all([takeTurn(), takeTurn(), takeTurn(), takeTurn()]);
    const store = await lmdbStore(folder);
    expect(store.generation()).toBe(5);
    await store.close();
  });

  it("judges claims of dead processes, other machines and reused process ids", async () => {
    await makeLibrary();
    const claim = (owner: object): void =>
      writeFileSync(join(folder, `writer-${"0".repeat(23)}${count % 10}.lock`), JSON.stringify(owner));
    const started = readFileSync("/proc/self/stat", "utf8").split(") ")[1]!.split(" ")[19]!;
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const { hostname } = await import("node:os");
    const { readlinkSync } = await import("node:fs");
    const self = {
      pid: process.pid,
      started,
      boot,
      pidSpace: readlinkSync("/proc/self/ns/pid"),
      host: hostname(),
    };
    const opens = async (owner: object): Promise<string> => {
      claim(owner);
      const error = await errorOf(async () => (await lmdbStore(folder)).close());
      for (const name of readdirSync(folder)) if (name.endsWith(".lock")) rmSync(join(folder, name));
      return error.code;
    };
    expect(await opens(self)).toBe("LOCKED");
    expect(await opens({ ...self, started: "1" })).toBe("no error");
    expect(await opens({ ...self, pid: 2 ** 22 + 1 })).toBe("no error");
    expect(await opens({ ...self, boot: "another start of this machine" })).toBe("no error");
    expect(await opens({ ...self, host: "elsewhere" })).toBe("LOCKED");
    expect(await opens({ ...self, pidSpace: "another container" })).toBe("LOCKED");
  });
});

describe("readers beside a writer", () => {
  it("see each commit, and move along when the writer compacts", async () => {
    const child = await hold();
    await child.ask("put one");
    const reader = await openPath(folder, { mode: "read" });
    const read = (): string => text((reader.getMany("n", [["k"]]) as Uint8Array[])[0]);
    expect([reader.generation(), read(), reader.writable]).toEqual([1, "one", false]);
    await child.ask("put two");
    expect([reader.generation(), read()]).toEqual([2, "two"]);
    await child.ask("fill 3000000");
    await child.ask("compact");
    await child.ask("put three");
    expect([reader.generation(), read()]).toEqual([4, "three"]);
    for (let i = 0; i < 5; i++) await child.ask("compact");
    await child.ask("put four");
    expect([reader.generation(), read()]).toEqual([5, "four"]);
    await reader.close();
    await child.ask("close");
  });

  it("hold their snapshot while a range is walked", async () => {
    const child = await hold();
    for (const word of ["a", "b"]) await child.ask(`put ${word}`);
    const reader = await lmdbStore(folder, { readOnly: true });
    const walk = reader.range("n")[Symbol.iterator]();
    await child.ask("put c");
    expect(text(walk.next().value.value)).toBe("b");
    expect(text(reader.get("n", ["k"]))).toBe("c");
    await reader.close();
    await child.ask("close");
  });

  it("cannot write, and open in the same process as the writer", async () => {
    const writer = await lmdbStore(folder);
    await writer.batch((b) => b.put("n", ["k"], Buffer.from("x")));
    const reader = await lmdbStore(folder, { readOnly: true });
    expect(text(reader.get("n", ["k"]))).toBe("x");
    expect((await errorOf(() => reader.batch((b) => b.delete("n", ["k"])))).code).toBe("READ_ONLY");
    expect((await errorOf(() => reader.compact())).code).toBe("READ_ONLY");
    await writer.batch((b) => b.put("n", ["k"], Buffer.from("y")));
    expect(reader.generation()).toBe(2);
    await writer.compact();
    await writer.batch((b) => b.put("n", ["k"], Buffer.from("z")));
    expect(reader.generation()).toBe(3);
    expect(text(reader.get("n", ["k"]))).toBe("z");
    await reader.close();
    expect(text(writer.get("n", ["k"]))).toBe("z");
    await writer.close();
  });

  it("need a library", async () => {
    expect((await errorOf(() => lmdbStore(folder, { readOnly: true }))).code).toBe("NOT_FOUND");
    expect(existsSync(folder)).toBe(false);
  });
});

describe("what is not a library", () => {
  it("is refused: files, folders with other things, another program's LMDB", async () => {
    mkdirSync(folder);
    const file = join(folder, "notes.txt");
    writeFileSync(file, "hello");
    expect((await errorOf(() => lmdbStore(file))).code).toBe("FORMAT");
    const error = await errorOf(() => lmdbStore(folder));
    expect(error.code).toBe("FORMAT");
    expect(error.message).toContain("notes.txt");
    expect(readdirSync(folder)).toEqual(["notes.txt"]);
    rmSync(file);
    writeFileSync(join(folder, "data-000001.mdb"), Buffer.alloc(20_000, 7));
    expect((await errorOf(() => lmdbStore(folder))).code).toBe("FORMAT");
    rmSync(join(folder, "data-000001.mdb"));
    const foreign = openLmdb({
      path: join(folder, "data-000001.mdb"),
      noSubdir: true,
      overlappingSync: false,
    });
    await foreign.put("hello", "world");
    await foreign.close();
    expect((await errorOf(() => lmdbStore(folder))).code).toBe("FORMAT");
  });

  it("is refused with VERSION when a newer build wrote it", async () => {
    const path = await makeLibrary();
    const header = new TextEncoder().encode(
      JSON.stringify({ format: "mneme library", version: 2, createdBy: "mneme 9" }),
    );
    const sealed = Buffer.alloc(header.length + 8);
    sealValue(HEADER_KEY, header, sealed);
    const db = openLmdb({
      path,
      noSubdir: true,
      overlappingSync: false,
      keyEncoding: "binary",
      encoding: "binary",
    });
    await db.put(Buffer.from(HEADER_KEY) as never, sealed);
    await db.close();
    const error = await errorOf(() => lmdbStore(folder));
    expect(error.code).toBe("VERSION");
    expect(error.message).toContain("mneme 9");
  });

  it("is refused when cut off, naming the file", async () => {
    const path = await makeLibrary();
    const size = statSync(path).size;
    for (const length of [0, 100, 4096, 8191, 8192, size - 4096, size - 1]) {
      cpSync(path, join(root, "whole.mdb"));
      truncateSync(path, length);
      const error = await errorOf(() => lmdbStore(folder));
      expect(error.code, `${length} bytes`).toBe("CORRUPT");
      expect(error.message).toContain(path);
      cpSync(join(root, "whole.mdb"), path);
    }
    await (await lmdbStore(folder)).close();
  });

  it("is refused when a value was damaged, naming file and key", async () => {
    const path = await makeLibrary();
    const bytes = readFileSync(path);
    const at = bytes.indexOf(new Uint8Array(3000).fill(33));
    bytes[at + 1500]! ^= 1;
    writeFileSync(path, bytes);
    const store = await lmdbStore(folder);
    const error = await errorOf(() => store.get("n", [33]));
    expect(error.code).toBe("CORRUPT");
    expect(error.message).toContain("n/[33]");
    expect(error.message).toContain(path);
    expect((await errorOf(() => [...store.range("n")])).code).toBe("CORRUPT");
    expect(store.get("n", [34])![0]).toBe(34);
    expect((await errorOf(() => store.compact())).code).toBe("CORRUPT");
    expect(store.get("n", [35])![0]).toBe(35);
    await store.batch((b) => b.delete("n", [33]));
    await store.compact();
    await store.close();
    expect(readdirSync(folder).filter((name) => name.includes("building"))).toEqual([]);
  });
});

const isRoot = process.getuid?.() === 0;

describe.skipIf(isRoot)("a folder without write permission", () => {
  it("reads, and says READ_ONLY to writers", async () => {
    await makeLibrary();
    chmodSync(folder, 0o555);
    try {
      expect((await errorOf(() => lmdbStore(folder))).code).toBe("READ_ONLY");
      const reader = await lmdbStore(folder, { readOnly: true });
      expect(text(reader.get("n", ["k"]))).toBe("first");
      await reader.close();
    } finally {
      chmodSync(folder, 0o755);
    }
  });
});

describe("keys on disk", () => {
  it("are as they always were", () => {
    const bytes = Buffer.from(encodeKey("n", ["a\u0000", 1.5, -2]));
    expect(bytes.toString("hex")).toBe("206e002061010100" + "10bff8000000000000103fffffffffffffff00c89c8e00");
  });
});
