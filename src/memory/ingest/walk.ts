/**
 * Walking a folder: files that a reader knows, or all, in a fixed order, with a reason for each one left out on purpose. A name without an
 * extension says nothing, so the file's beginning tells whether it is text. Links are followed last, so that what lies in the folder itself is read under its own name and not under that of a link that sorts before it.
 */
import { closeSync, type Dirent, openSync, readFileSync, readSync, statSync } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Skipped } from "../types.ts";
import { looksBinary, SAMPLE_BYTES } from "./decode-text.ts";
import { globMatcher } from "./glob.ts";
import { extensionOf, readerFor } from "./readers/registry.ts";

export interface WalkOptions {
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly maxFileBytes?: number;
  /** Also files that no reader knows. */
  readonly binary?: boolean;
  /** Told the extension of each file that is passed over because no reader knows it; "" for none. */
  readonly onUnknown?: (extension: string) => void;
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
const IGNORE_FILE = ".mnemeignore";

interface Context {
  /** Whether a file is to be read, by its name or, where that says nothing, its beginning. */
  readonly wanted: (place: Place) => boolean;
  readonly onUnknown: (extension: string) => void;
  readonly unwanted: (path: string) => boolean;
  readonly maxFileBytes: number;
  /** Real paths of folders entered and of linked files read, against loops and doubles. */
  readonly entered: Set<string>;
  /** Links met and not yet followed. */
  readonly links: Place[];
  /** Real path of the root, with a slash. */
  readonly root: string;
  /** Folders are skipped by name only below an ordinary root. */
  readonly skipFolders: boolean;
}

interface Place {
  readonly path: string;
  readonly relative: string;
}

/** @param root absolute path of a folder or a file */
export async function* walk(root: string, options: WalkOptions): AsyncGenerator<WalkedFile | Skipped> {
  const info = await stat(root);
  const context: Context = {
    wanted: wantedBy(options),
    onUnknown: options.include ? () => {} : (options.onUnknown ?? (() => {})),
    unwanted: globMatcher([...(options.exclude ?? []), ...ignored(root, info.isDirectory())]),
    maxFileBytes: options.maxFileBytes ?? Number.POSITIVE_INFINITY,
    root: `${await realpath(root)}/`,
    entered: new Set(),
    links: [],
    skipFolders: !root.split(/[/\\]/).some((part) => SKIPPED_FOLDERS.has(part)),
  };
  if (!info.isDirectory()) {
    yield { path: root, relative: basename(root), bytes: info.size, modifiedAt: info.mtimeMs };
    return;
  }
  yield* walkFolder({ path: root, relative: "" }, context);
  for (let link = context.links.shift(); link; link = context.links.shift()) yield* follow(link, context);
}

function wantedBy({ include, binary }: WalkOptions): Context["wanted"] {
  if (include) {
    const matches = globMatcher(include);
    return ({ relative }) => matches(relative);
  }
  return ({ path, relative }) =>
    binary === true ||
    readerFor(relative) !== undefined ||
    (extensionOf(relative) === "" && beginsAsText(path));
}

/** Whether a file has a beginning, and that looks like text; false where it cannot be read. */
function beginsAsText(path: string): boolean {
  let file: number | undefined;
  try {
    if (!statSync(path).isFile()) return false; // to open a pipe would wait for its writer
    file = openSync(path, "r");
    const sample = new Uint8Array(SAMPLE_BYTES);
    const bytes = readSync(file, sample);
    return bytes > 0 && !looksBinary(sample.subarray(0, bytes));
  } catch {
    return false;
  } finally {
    if (file !== undefined) closeSync(file);
  }
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
  { path: folder, relative }: Place,
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
  for (const entry of entries) {
    const place = {
      path: join(folder, entry.name),
      relative: relative ? `${relative}/${entry.name}` : entry.name,
    };
    if (isHidden(place.relative, entry.isDirectory() || entry.isSymbolicLink(), context)) continue;
    if (entry.isSymbolicLink()) context.links.push(place);
    else if (entry.isDirectory()) yield* enter(place, context);
    else if (context.wanted(place)) yield* look(place, context);
    else if (entry.isFile()) context.onUnknown(extensionOf(place.relative));
  }
}

/** Whether an entry is left out by its name alone. */
function isHidden(relative: string, mayBeFolder: boolean, { unwanted, skipFolders }: Context): boolean {
  const name = relative.slice(relative.lastIndexOf("/") + 1);
  return (
    name.startsWith(".") || unwanted(relative) || (mayBeFolder && skipFolders && SKIPPED_FOLDERS.has(name))
  );
}

async function* enter(place: Place, context: Context): AsyncGenerator<WalkedFile | Skipped> {
  if (!context.unwanted(`${place.relative}/`)) yield* walkFolder(place, context);
}

/** A file by its size. */
function* look({ path, relative }: Place, { maxFileBytes }: Context): Generator<WalkedFile | Skipped> {
  try {
    const info = statSync(path);
    if (!info.isFile()) return;
    if (info.size <= maxFileBytes) yield { path, relative, bytes: info.size, modifiedAt: info.mtimeMs };
    else
      yield {
        id: relative,
        code: "TOO_LARGE",
        reason: `${path}: ${info.size} bytes, at most ${maxFileBytes} are read`,
      };
  } catch (error) {
    yield unreadable({ path, relative }, error);
  }
}

/** A link, once everything that is no link was read. */
async function* follow(link: Place, context: Context): AsyncGenerator<WalkedFile | Skipped> {
  try {
    const real = await realpath(link.path);
    if (statSync(real).isDirectory()) yield* enter(link, context);
    else if (!context.wanted(link)) return;
    else if (context.entered.has(real) || isReadInPlace(real, context))
      yield {
        id: link.relative,
        code: "EXCLUDED",
        reason: `${link.path}: a link to a file that was read already`,
      };
    else {
      context.entered.add(real);
      yield* look(link, context);
    }
  } catch (error) {
    yield unreadable(link, error);
  }
}

/** Whether the walk comes to a real path without following a link. */
function isReadInPlace(real: string, context: Context): boolean {
  if (!real.startsWith(context.root)) return false;
  const relative = real.slice(context.root.length).replaceAll("\\", "/");
  const folders = [...relative.matchAll(/\//g)].map(({ index }) => relative.slice(0, index));
  return (
    context.wanted({ path: real, relative }) &&
    !isHidden(relative, false, context) &&
    !folders.some((folder) => isHidden(folder, true, context) || context.unwanted(`${folder}/`))
  );
}

function unreadable({ path, relative }: Place, error: unknown): Skipped {
  return {
    id: relative,
    code: codeOf(error) === "ELOOP" ? "EXCLUDED" : "UNREADABLE",
    reason: `${path}: cannot be read (${codeOf(error)})`,
  };
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
