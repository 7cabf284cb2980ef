/**
 * A folder of region files between runs: each written beside its place and renamed, so that two processes may do it at once. Within a
 * budget: what was not used for the longest time goes first, pinned files stay.
 */
import { randomUUID } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { isMnemeError, MnemeError } from "../errors.ts";
import { RegionFile, type RegionKind, writeRegionFile } from "./region-file.ts";

const UNFINISHED = ".unfinished";
const PIN = ".pin";
/** Unfinished files of this age belong to nobody. */
const STALE_MS = 3_600_000;
/** Of a key, as the file's name begins. */
const KEY_CHARACTERS = 40;

export interface KeptFile {
  readonly path: string;
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly lastUsed: number;
  readonly pinned: boolean;
  /** What its writer said of it; of a damaged one what is wrong. */
  readonly about: Readonly<Record<string, unknown>>;
}

/** Files by key. A file whose `about.fingerprint` is not its key is none of it. */
export class RegionFolder {
  readonly folder: string;
  readonly budgetBytes: number;
  readonly #kind: RegionKind;
  readonly #ending: string;

  /** @param ending of the files' names, with its dot */
  constructor(folder: string, budgetBytes: number, kind: RegionKind, ending: string) {
    this.folder = folder;
    this.budgetBytes = budgetBytes;
    this.#kind = kind;
    this.#ending = ending;
  }

  /** Undefined where there is none, or none that is whole: that is removed. */
  open(fingerprint: string): RegionFile | undefined {
    const path = this.#pathOf(fingerprint);
    try {
      const file = new RegionFile(path, this.#kind);
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

  /** A pinned file is not dropped for others. @throws MnemeError NOT_FOUND */
  pin(fingerprint: string, pinned = true): void {
    const path = this.#pathOf(fingerprint);
    if (!existsSync(path))
      throw new MnemeError("NOT_FOUND", `${path}: no such file to pin; list() names those there are`);
    if (pinned) writeFileSync(path + PIN, "");
    else rmSync(path + PIN, { force: true });
  }

  remove(fingerprint: string): void {
    try {
      removeFile(this.#pathOf(fingerprint));
    } catch {
      // a folder that is only to be read, or none at all: it is not used
    }
  }

  /** @returns whether it was kept: not what is larger than the budget leaves beside pinned files. @throws what the file system says */
  keep(
    fingerprint: string,
    about: Readonly<Record<string, unknown>>,
    regions: ReadonlyMap<string, Uint8Array>,
  ): boolean {
    const bytes = [...regions.values()].reduce((sum, region) => sum + region.length, 0);
    if (bytes > this.budgetBytes) return false;
    mkdirSync(this.folder, { recursive: true });
    if (!this.#makeRoom(bytes, fingerprint)) return false;
    const unfinished = join(this.folder, `${randomUUID()}${UNFINISHED}`);
    try {
      writeRegionFile(unfinished, this.#kind, { ...about, fingerprint }, regions);
      renameSync(unfinished, this.#pathOf(fingerprint));
    } catch (error) {
      rmSync(unfinished, { force: true });
      throw error;
    }
    return true;
  }

  /** The last used first. */
  list(): KeptFile[] {
    return this.#files(this.#ending)
      .map(({ path, bytes, lastUsed }) => ({
        path,
        bytes,
        lastUsed,
        pinned: existsSync(path + PIN),
        about: this.#aboutOf(path),
      }))
      .sort((a, b) => b.lastUsed - a.lastUsed);
  }

  /** @returns what was removed, pinned files too */
  clear(): { readonly files: number; readonly bytes: number } {
    const files = [...this.#files(this.#ending), ...this.#files(UNFINISHED)];
    for (const { path } of files) removeFile(path);
    return { files: files.length, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) };
  }

  /** @returns whether there is room: pinned files may take it */
  #makeRoom(bytes: number, fingerprint: string): boolean {
    const now = Date.now();
    for (const { path, lastUsed } of this.#files(UNFINISHED))
      if (now - lastUsed > STALE_MS) rmSync(path, { force: true });
    const own = this.#pathOf(fingerprint);
    const others = this.#files(this.#ending)
      .filter(({ path }) => path !== own)
      .sort((a, b) => a.lastUsed - b.lastUsed);
    const held = others.reduce((sum, one) => sum + one.bytes, bytes);
    let tooMuch = held - this.budgetBytes;
    const free = others.filter(({ path }) => !existsSync(path + PIN));
    if (free.reduce((sum, one) => sum + one.bytes, 0) < tooMuch) return false;
    for (const one of free) {
      if (tooMuch <= 0) break;
      removeFile(one.path);
      tooMuch -= one.bytes;
    }
    return true;
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
    return join(this.folder, `${fingerprint.slice(0, KEY_CHARACTERS)}${this.#ending}`);
  }

  #aboutOf(path: string): Readonly<Record<string, unknown>> {
    try {
      using file = new RegionFile(path, this.#kind);
      return file.about;
    } catch (error) {
      return { damaged: isMnemeError(error) ? error.message : String(error) };
    }
  }
}

function removeFile(path: string): void {
  rmSync(path, { force: true });
  rmSync(path + PIN, { force: true });
}
