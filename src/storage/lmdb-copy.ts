/** Copies every entry of one LMDB file into a new one, in key order and packed: compaction, without LMDB's own copy, which carries damage along. */
import { MnemeError } from "../errors.ts";
import { type DataFile, publish, temporaryFile } from "./library-folder.ts";
import { checkLmdbFile } from "./lmdb-check.ts";
import type { LmdbEngine } from "./lmdb-engine.ts";
import type { Walk } from "./lmdb-walk.ts";
import { unsealValue } from "./sealed-value.ts";
import { AFTER_LAST_KEY } from "./store-header.ts";

/** Bytes a transaction of the copy holds, and how long the event loop waits at most. */
export const COPY_BYTES: number = 8 << 20;
const PORTION_ENTRIES = 4096;

const FIRST_KEY = new Uint8Array([0x01]);

/**
 * Makes `target` the current file of the folder, with what `source` holds. Until its rename the old file stays current.
 * The source must not be written meanwhile. @throws what copying says; the half copy is the caller's to remove.
 */
export async function rewriteFile(
  source: LmdbEngine,
  folder: string,
  target: DataFile,
  openEngine: (path: string) => LmdbEngine,
): Promise<void> {
  const temporary = temporaryFile(folder, target.number);
  await copyEngine(source, () => openEngine(temporary));
  checkLmdbFile(temporary);
  publish(temporary, target, folder);
}

/** The source must not be written meanwhile. @throws MnemeError CORRUPT, or what LMDB says; the half copy is the caller's to remove. */
async function copyEngine(source: LmdbEngine, openTarget: () => LmdbEngine): Promise<void> {
  const target = openTarget();
  try {
    const walk = source.walk(FIRST_KEY, AFTER_LAST_KEY);
    try {
      for (;;) {
        const portion = nextPortion(source, walk);
        if (portion.length === 0) return;
        target.appendSealed(portion);
        await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      walk.end();
    }
  } finally {
    await target.close();
  }
}

type Portion = { readonly key: Uint8Array; readonly sealed: Uint8Array }[];

function nextPortion(source: LmdbEngine, walk: Walk): Portion {
  const portion: Portion = [];
  for (let bytes = 0; bytes < COPY_BYTES && portion.length < PORTION_ENTRIES; ) {
    const entry = walk.next();
    if (!entry) break;
    const sealed = new Uint8Array(walk.sealed(entry));
    if (!unsealValue(entry.keyBytes, sealed)) corrupt(source.path, entry.namespace, entry.key);
    portion.push({ key: entry.keyBytes, sealed });
    bytes += sealed.length;
  }
  return portion;
}

function corrupt(path: string, namespace: string, key: unknown): never {
  throw new MnemeError(
    "CORRUPT",
    `${path}: the value of ${namespace}/${JSON.stringify(key)} does not match its checksum; restore it from a snapshot`,
    { details: { path, namespace, key } },
  );
}
