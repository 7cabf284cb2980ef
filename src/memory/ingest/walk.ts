/** Walking a folder: files that a reader knows, in a fixed order, with a reason for each one left out on purpose. */
import { type Dirent, readFileSync, statSync } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Skipped } from "../types.ts";
import { globMatcher } from "./glob.ts";
import { readerFor } from "./readers/registry.ts";

export interface WalkOptions {
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly maxFileBytes?: number;
}

export interface WalkedFile {
  /** Absolute. */
  readonly path: string;
  /** From the root, with slashes. */
  readonly relative: string;
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number;
}

/** Folders that hold no documents of the user's, unless one of them is the root. */
const SKIPPED_FOLDERS = new Set([
  "node_modules",
  "dist",
  "build",
  "target",
  "__pycache__",
  "coverage",
  "venv",
]);
export const IGNORE_FILE = ".mnemeignore";

interface Context {
  readonly wanted: (path: string) => boolean;
  readonly unwanted: (path: string) => boolean;
  readonly maxFileBytes: number;
  /** Real paths of folders entered, against loops. */
  readonly entered: Set<string>;
  /** Real path of the root, with a slash. */
  readonly root: string;
  /** Folders are skipped by name only below an ordinary root. */
  readonly skipFolders: boolean;
}

/** @param root absolute path of a folder or a file */
export async function* walk(root: string, options: WalkOptions): AsyncGenerator<WalkedFile | Skipped> {
  const info = await stat(root);
  const context: Context = {
    wanted: options.include ? globMatcher(options.include) : (path) => readerFor(path) !== undefined,
    unwanted: globMatcher([...(options.exclude ?? []), ...ignored(root, info.isDirectory())]),
    maxFileBytes: options.maxFileBytes ?? Number.POSITIVE_INFINITY,
    root: `${await realpath(root)}/`,
    entered: new Set(),
    skipFolders: !root.split(/[/\\]/).some((part) => SKIPPED_FOLDERS.has(part)),
  };
  if (info.isDirectory()) yield* walkFolder(root, "", context);
  else yield { path: root, relative: basename(root), bytes: info.size, modifiedAt: info.mtimeMs };
}

function ignored(root: string, isFolder: boolean): string[] {
  if (!isFolder) return [];
  try {
    const lines = readFileSync(join(root, IGNORE_FILE), "utf8").split("\n");
    return lines.filter((line) => line.trim() && !line.startsWith("#"));
  } catch {
    return []; // there need not be one
  }
}

async function* walkFolder(
  folder: string,
  relative: string,
  context: Context,
): AsyncGenerator<WalkedFile | Skipped> {
  let entries: Dirent[];
  try {
    const real = await realpath(folder);
    if (context.entered.has(real)) {
      yield { id: relative, code: "EXCLUDED", reason: `${folder}: a link to a folder that was read already` };
      return;
    }
    context.entered.add(real);
    entries = await readdir(folder, { withFileTypes: true });
  } catch (error) {
    yield {
      id: relative,
      code: "UNREADABLE",
      reason: `${folder}: the folder cannot be read (${codeOf(error)})`,
    };
    return;
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) yield* walkEntry(entry, folder, relative, context);
}

async function* walkEntry(
  entry: Dirent,
  folder: string,
  above: string,
  context: Context,
): AsyncGenerator<WalkedFile | Skipped> {
  const path = join(folder, entry.name);
  const relative = above ? `${above}/${entry.name}` : entry.name;
  if (entry.name.startsWith(".") || context.unwanted(relative)) return;
  let isFolder = entry.isDirectory();
  const mayBeFolder = isFolder || entry.isSymbolicLink();
  if (mayBeFolder && context.skipFolders && SKIPPED_FOLDERS.has(entry.name)) return;
  if (!isFolder && !entry.isSymbolicLink() && !context.wanted(relative)) return;
  try {
    const info = statSync(path);
    isFolder = info.isDirectory();
    if (!isFolder && entry.isSymbolicLink() && !(await isOutside(path, context))) {
      yield {
        id: relative,
        code: "EXCLUDED",
        reason: `${path}: a link to a file that is read in its own place`,
      };
      return;
    }
    if (isFolder) {
      if (!context.unwanted(`${relative}/`)) yield* walkFolder(path, relative, context);
    } else if (info.isFile() && context.wanted(relative)) {
      if (info.size > context.maxFileBytes)
        yield {
          id: relative,
          code: "TOO_LARGE",
          reason: `${path}: ${info.size} bytes, at most ${context.maxFileBytes} are read`,
        };
      else yield { path, relative, bytes: info.size, modifiedAt: info.mtimeMs };
    }
  } catch (error) {
    yield {
      id: relative,
      code: codeOf(error) === "ELOOP" ? "EXCLUDED" : "UNREADABLE",
      reason: `${path}: cannot be read (${codeOf(error)})`,
    };
  }
}

/** Whether a link leads out of the folder that is walked. */
async function isOutside(path: string, { root }: Context): Promise<boolean> {
  return !(await realpath(path)).startsWith(root);
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
