/** How a library folder becomes an open, checked engine: for its one writer, or for a reader beside it. */
import { MnemeError } from "../errors.ts";
import {
  createFolder,
  currentDataFile,
  type DataFile,
  dataFile,
  isSuperseded,
  publish,
  removeLitter,
  temporaryFile,
} from "./library-folder.ts";
import { checkLmdbFile } from "./lmdb-check.ts";
import type { LmdbEngine } from "./lmdb-engine.ts";
import { readMetaBytes } from "./lmdb-file.ts";
import { checkHeader, HEADER_KEY, headerBytes } from "./store-header.ts";
import { acquireWriterLock, type WriterLock } from "./writer-lock.ts";

export type OpenEngine = (path: string) => LmdbEngine;

export interface Opened {
  readonly file: DataFile;
  readonly engine: LmdbEngine;
  readonly lock?: WriterLock;
}

export async function openForWriting(
  folder: string,
  lockTimeoutMs: number,
  openEngine: OpenEngine,
): Promise<Opened> {
  currentDataFile(folder); // refuses foreign folders before anything is written
  createFolder(folder);
  const lock = await acquireWriterLock(folder, lockTimeoutMs);
  try {
    const file = currentDataFile(folder) ?? (await createDataFile(folder, openEngine));
    checkLmdbFile(file.path);
    const engine = openSound(file.path, openEngine);
    removeLitter(folder, file);
    return { file, engine, lock };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Opens a checked file and judges its header record. */
function openSound(path: string, openEngine: OpenEngine): LmdbEngine {
  const engine = openEngine(path);
  try {
    checkHeader(engine.read(HEADER_KEY), path);
    return engine;
  } catch (error) {
    void engine.close();
    throw error;
  }
}

async function createDataFile(folder: string, openEngine: OpenEngine): Promise<DataFile> {
  removeLitter(folder, undefined);
  const temporary = temporaryFile(folder, 1);
  const file = dataFile(folder, 1);
  try {
    const engine = openEngine(temporary);
    try {
      engine.commit([], { key: HEADER_KEY, value: headerBytes() });
    } finally {
      await engine.close();
    }
    publish(temporary, file, folder);
    return file;
  } catch (error) {
    removeLitter(folder, undefined);
    throw error;
  }
}

const READER_ATTEMPTS = 200;

/** A writer may commit or switch files while the check reads: an odd finding counts only when nothing moved meanwhile. */
export function openForReading(folder: string, openEngine: OpenEngine): Opened {
  for (let attempt = 1; ; attempt++) {
    const file = currentDataFile(folder);
    if (!file)
      throw new MnemeError(
        "NOT_FOUND",
        `open ${folder}: there is no library; opening it for writing makes one`,
      );
    let before = "";
    try {
      before = readMetaBytes(file.path);
      checkLmdbFile(file.path, { overflowHeads: false });
      return { file, engine: openSound(file.path, openEngine) };
    } catch (error) {
      if (attempt >= READER_ATTEMPTS || !movedMeanwhile(folder, file, before)) throw error;
    }
  }
}

function movedMeanwhile(folder: string, file: DataFile, before: string): boolean {
  if (isSuperseded(folder, file)) return true;
  try {
    return readMetaBytes(file.path) !== before;
  } catch {
    return true;
  }
}
