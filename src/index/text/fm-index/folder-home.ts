/**
 * A folder of shards, one file each, and the list of them in index.json, which is replaced whole: written beside, flushed, renamed. A
 * process that is killed leaves either list; files that no list names are removed by the next writer. Node only.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { MnemeError } from "../../../errors.ts";
import { crc32 } from "../../../storage/crc32.ts";
import { fileSource } from "../../../storage/file-source.ts";
import { toStoreError } from "../../../storage/store-errors.ts";
import { acquireWriterLock, LOCK_PATTERN } from "../../../storage/writer-lock.ts";
import type { Home, NewShard } from "./home.ts";
import type { Settings } from "./options.ts";
import { damaged, OLDEST_VERSION, SHARD_VERSION } from "./shard-format.ts";

const LIST = "index.json";
const OURS = /^(shard-\d+\.fm(\.new)?|index\.json\.new)$/;
const BUFFER_BYTES = 1 << 20;

interface List {
  readonly version: number;
  readonly settings: Settings;
  readonly shards: readonly string[];
}

/** The folder of an index that exists. @throws MnemeError NOT_FOUND, CORRUPT, VERSION */
export function openFolder(folder: string): Home {
  if (!existsSync(join(folder, LIST)))
    throw new MnemeError("NOT_FOUND", `fm-index ${folder}: no ${LIST} there; build an index first`);
  return new FolderHome(folder, readList(folder));
}

/** Removes what a process that was killed left behind, if there is any, nobody writes and the folder may be written. */
export async function clearFolder(home: Home): Promise<void> {
  const claimed = readdirSync(home.location).some((name) => LOCK_PATTERN.test(name));
  if (!claimed && leftovers(home).length === 0) return;
  try {
    const release = await home.lock(0);
    for (const name of leftovers(home)) rmSync(join(home.location, name), { force: true });
    release();
  } catch {
    // who writes clears it
  }
}

/** Files of ours that are not listed. */
const leftovers = ({ location, shards }: Home): string[] =>
  readdirSync(location).filter((name) => OURS.test(name) && !shards.includes(name));

/** The folder of a new index. @throws MnemeError EXISTS */
export function createFolder(folder: string, settings: Settings): Home {
  refuseList(folder);
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw toStoreError(error, "create", folder);
  }
  return new FolderHome(folder, { version: SHARD_VERSION, settings, shards: [] }, true);
}

function refuseList(folder: string): void {
  if (!existsSync(join(folder, LIST))) return;
  throw new MnemeError(
    "EXISTS",
    `fm-index ${folder}: holds an index already; append to it or name another folder`,
  );
}

/** The list is one line of JSON and one of its checksum. */
function readList(folder: string): List {
  const location = join(folder, LIST);
  const [text = "", sum] = readFileSync(location, "utf8").split("\n");
  if (sum !== sumOf(text)) throw damaged(location, "the list of shards");
  const list = JSON.parse(text) as List;
  if (list.version < OLDEST_VERSION || list.version > SHARD_VERSION)
    throw new MnemeError(
      "VERSION",
      `${location}: version ${list.version}, this build reads ${OLDEST_VERSION} to ${SHARD_VERSION}; build the index again`,
    );
  return list;
}

const sumOf = (text: string): string => crc32(new TextEncoder().encode(text)).toString(16);

class FolderHome implements Home {
  readonly location: string;
  readonly settings: Settings;
  #shards: readonly string[];
  #cleared = false;
  /** No list has been written yet. */
  #isNew: boolean;

  constructor(folder: string, list: List, isNew = false) {
    this.#isNew = isNew;
    this.location = folder;
    this.settings = list.settings;
    this.#shards = list.shards;
  }

  get shards(): readonly string[] {
    return this.#shards;
  }

  async lock(timeoutMs: number): Promise<() => void> {
    const { release } = await acquireWriterLock(this.location, timeoutMs).catch((error: unknown) => {
      throw toStoreError(error, "write", this.location);
    });
    try {
      if (this.#isNew) refuseList(this.location);
      else this.#shards = readList(this.location).shards;
    } catch (error) {
      release();
      throw error;
    }
    this.#cleared = false;
    return release;
  }

  create(): NewShard {
    if (!this.#cleared) this.remove(leftovers(this));
    this.#cleared = true;
    const numbers = readdirSync(this.location).map((name) => Number(/^shard-(\d+)/.exec(name)?.[1] ?? 0));
    const name = `shard-${String(Math.max(0, ...numbers) + 1).padStart(6, "0")}.fm`;
    return newFile(join(this.location, name), name);
  }

  async open(name: string): Promise<ReturnType<typeof fileSource>> {
    return fileSource(join(this.location, name));
  }

  async commit(shards: readonly string[]): Promise<void> {
    const text = JSON.stringify({ version: SHARD_VERSION, settings: this.settings, shards });
    const file = newFile(join(this.location, LIST), LIST);
    file.write(new TextEncoder().encode(`${text}\n${sumOf(text)}\n`));
    await file.finish();
    this.#shards = shards;
    this.#isNew = false;
  }

  remove(names: readonly string[]): void {
    for (const name of names) rmSync(join(this.location, name), { force: true });
  }
}

/** A file that has its name once it is whole and on the disk. */
function newFile(path: string, name: string): NewShard {
  const beside = `${path}.new`;
  const run = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw toStoreError(error, "write", path);
    }
  };
  const fd = run(() => openSync(beside, "w"));
  const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  let used = 0;
  const put = (bytes: Uint8Array): void => {
    for (let done = 0; done < bytes.length; )
      done += run(() => writeSync(fd, bytes, done, bytes.length - done));
  };
  const flush = (): void => {
    put(buffer.subarray(0, used));
    used = 0;
  };
  return {
    write(bytes) {
      if (used + bytes.length > BUFFER_BYTES) flush();
      if (bytes.length > BUFFER_BYTES) return put(bytes);
      buffer.set(bytes, used);
      used += bytes.length;
    },
    async finish() {
      flush();
      run(() => fsyncSync(fd));
      closeSync(fd);
      run(() => renameSync(beside, path));
      flushFolder(join(path, ".."));
      return name;
    },
    abandon() {
      closeSync(fd);
      rmSync(beside, { force: true });
    },
  };
}

/** Makes a rename durable, where the platform can. */
function flushFolder(folder: string): void {
  try {
    const fd = openSync(folder, "r");
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch {
    // some platforms cannot open a folder: the rename is as durable as they make it
  }
}
