/** The lock file appears whole: what is written into it afterwards would clear the slots of readers that found it. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  watch,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, it } from "vitest";
import { makeLockFile } from "./lmdb-lock-file.ts";

const root = mkdtempSync(join(tmpdir(), "mneme-lock-file-"));
const options = { readOnly: false, maxReaders: 8 };
let path = "";
let count = 0;

afterAll(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  path = join(root, `${count++}.mdb-lock`);
});

it("is made with room for its readers, and nothing is left beside it", () => {
  makeLockFile(path, options);
  expect(statSync(path).size).toBe(4096 + 8 * 64);
  expect(readdirSync(root)).toEqual(["0.mdb-lock"]);
});

it("leaves the one that is there as it is", () => {
  writeFileSync(path, "in use");
  makeLockFile(path, options);
  expect(readFileSync(path, "utf8")).toBe("in use");
});

it("refuses a path that is no file", () => {
  mkdirSync(path);
  expect(() => makeLockFile(path, options)).toThrow(/\.mdb-lock: is a folder.*remove it/);
  expect(readdirSync(path)).toEqual([]);
});

it.runIf(process.platform === "linux")("is never written to under its name", async () => {
  const seen: string[] = [];
  const watcher = watch(root, (event, name) => seen.push(`${event} ${name}`));
  makeLockFile(path, options);
  makeLockFile(join(root, "end"), options);
  while (!seen.includes("rename end")) await new Promise((resolve) => setImmediate(resolve));
  watcher.close();
  const name = path.slice(root.length + 1);
  expect(seen).toContain(`rename ${name}`);
  expect(seen).not.toContain(`change ${name}`);
});
