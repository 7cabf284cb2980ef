/**
 * The folder where converted weights are kept between loads: a file a model and precision, named by a fingerprint, written beside its
 * place and renamed, so that two processes may do it at once. Within a budget: what was not used for the longest time goes first.
 */
import { createHash, randomUUID } from "node:crypto";
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { isMnemeError } from "../errors.ts";
import { RegionFile, writeRegionFile } from "./region-file.ts";

/** Of the tiles of linear-weights.ts; a change of their layout makes it another number, and with it all files anew. */
export const LAYOUT_VERSION = 1;

const ENDING = ".weights";
const UNFINISHED = ".unfinished";
/** Unfinished files of this age belong to nobody. */
const STALE_MS = 3_600_000;
const SAMPLE_BYTES = 1 << 16;

export const weightCacheDefaults = { budgetBytes: 8e9 } as const;

export interface CachedWeights {
  readonly path: string;
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly lastUsed: number;
  /** What was converted: the model's name, its precision. */
  readonly about: Readonly<Record<string, unknown>>;
}

/** $XDG_CACHE_HOME/mneme/weights, or ~/.cache/mneme/weights. */
export function defaultWeightCache(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "mneme", "weights");
}

/** Of what is converted: the configuration, and name, size, time and a sample of the bytes of each file. */
export function fingerprintOf(files: readonly string[], parts: Readonly<Record<string, unknown>>): string {
  const hash = createHash("sha256").update(JSON.stringify({ layout: LAYOUT_VERSION, ...parts }));
  for (const path of files) {
    const { size, mtimeMs } = statSync(path);
    hash.update(`\n${basename(path)} ${size} ${mtimeMs}\n`);
    const file = openSync(path, "r");
    try {
      const sample = new Uint8Array(Math.min(size, SAMPLE_BYTES));
      for (const share of [0, 0.5, 1]) {
        const count = readSync(file, sample, 0, sample.length, Math.floor((size - sample.length) * share));
        hash.update(sample.subarray(0, count));
      }
    } finally {
      closeSync(file);
    }
  }
  return hash.digest("hex");
}

export class WeightCache {
  readonly folder: string;
  readonly budgetBytes: number;

  constructor(folder: string = defaultWeightCache(), budgetBytes: number = weightCacheDefaults.budgetBytes) {
    this.folder = folder;
    this.budgetBytes = budgetBytes;
  }

  /** Undefined where there is none, or none that is whole: that is removed. */
  open(fingerprint: string): RegionFile | undefined {
    const path = this.#pathOf(fingerprint);
    try {
      const file = new RegionFile(path);
      if (file.about.fingerprint === fingerprint) {
        this.#touch(path);
        return file;
      }
      file[Symbol.dispose]();
    } catch {
      // not there, damaged or not to be read: converted anew
    }
    this.remove(fingerprint);
    return undefined;
  }

  remove(fingerprint: string): void {
    try {
      rmSync(this.#pathOf(fingerprint), { force: true });
    } catch {
      // a folder that is only to be read, or none at all: it is not used
    }
  }

  /** @returns whether it was kept: not what is larger than the budget. @throws what the file system says */
  keep(
    fingerprint: string,
    about: Readonly<Record<string, unknown>>,
    regions: ReadonlyMap<string, Uint8Array>,
  ): boolean {
    const bytes = [...regions.values()].reduce((sum, region) => sum + region.length, 0);
    if (bytes > this.budgetBytes) return false;
    mkdirSync(this.folder, { recursive: true });
    this.#makeRoom(bytes, fingerprint);
    const unfinished = join(this.folder, `${randomUUID()}${UNFINISHED}`);
    try {
      writeRegionFile(unfinished, { ...about, fingerprint }, regions);
      renameSync(unfinished, this.#pathOf(fingerprint));
    } catch (error) {
      rmSync(unfinished, { force: true });
      throw error;
    }
    return true;
  }

  /** The last used first. */
  list(): CachedWeights[] {
    return this.#files(ENDING)
      .map(({ path, bytes, lastUsed }) => ({ path, bytes, lastUsed, about: aboutOf(path) }))
      .sort((a, b) => b.lastUsed - a.lastUsed);
  }

  /** @returns what was removed */
  clear(): { readonly files: number; readonly bytes: number } {
    const files = [...this.#files(ENDING), ...this.#files(UNFINISHED)];
    for (const { path } of files) rmSync(path, { force: true });
    return { files: files.length, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) };
  }

  #makeRoom(bytes: number, fingerprint: string): void {
    const now = Date.now();
    for (const { path, lastUsed } of this.#files(UNFINISHED))
      if (now - lastUsed > STALE_MS) rmSync(path, { force: true });
    const own = this.#pathOf(fingerprint);
    const others = this.#files(ENDING)
      .filter(({ path }) => path !== own)
      .sort((a, b) => a.lastUsed - b.lastUsed);
    let held = others.reduce((sum, one) => sum + one.bytes, bytes);
    for (const one of others) {
      if (held <= this.budgetBytes) return;
      rmSync(one.path, { force: true });
      held -= one.bytes;
    }
  }

  #files(ending: string): { readonly path: string; readonly bytes: number; readonly lastUsed: number }[] {
    let names: string[];
    try {
      names = readdirSync(this.folder);
    } catch {
      return [];
    }
    return names
      .filter((name) => name.endsWith(ending))
      .flatMap((name) => {
        const path = join(this.folder, name);
        const found = statSync(path, { throwIfNoEntry: false });
        return found ? [{ path, bytes: found.size, lastUsed: found.mtimeMs }] : [];
      });
  }

  #touch(path: string): void {
    try {
      const now = new Date();
      utimesSync(path, now, now);
    } catch {
      // a folder that is only to be read: the order of use is not kept there
    }
  }

  #pathOf(fingerprint: string): string {
    return join(this.folder, `${fingerprint.slice(0, 40)}${ENDING}`);
  }
}

function aboutOf(path: string): Readonly<Record<string, unknown>> {
  try {
    using file = new RegionFile(path);
    return file.about;
  } catch (error) {
    return { damaged: isMnemeError(error) ? error.message : String(error) };
  }
}
