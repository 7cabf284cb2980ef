/**
 * One writer per folder, across processes, without flock. Each contender creates a claim file of its own unique name and then
 * lists the folder: a live claim of anyone else means that the folder is taken. Whoever looks second sees the first, so two
 * can never both hold it; two that look at once both step back and try again. Claims of dead processes are removed at any
 * time by anyone, safely, because a name is never used twice. Nothing needs cleaning after `kill -9`: a claim is written under
 * another name first, so that nobody ever sees half of one and must take its dead writer for alive.
 *
 * Alive means: same machine start, same process id space, a process of that id with that start time. A claim from another host or
 * container cannot be judged so; it counts as alive while its file is refreshed (every 5 s; stale after 60 s).
 */
import { randomBytes } from "node:crypto";
import {
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { MnemeError } from "../errors.ts";

/** Claims, finished and not. */
export const LOCK_PATTERN: RegExp = /^writer-[0-9a-f]{24}\.(lock|half)$/;

const HEARTBEAT_MS = 5_000;
const STALE_AFTER_MS = 60_000;
/** A claimant needs far less than this between its creating and its listing; used only to outlast a tie. */
const TIE_MS = 40;

interface Owner {
  readonly pid: number;
  readonly started: string;
  readonly boot: string;
  readonly pidSpace: string;
  readonly host: string;
}

export interface WriterLock {
  readonly path: string;
  release(): void;
}

/**
 * Takes the folder for writing, at once or within `timeoutMs`.
 * @throws MnemeError LOCKED naming the holder; file system errors as they are.
 */
export async function acquireWriterLock(folder: string, timeoutMs: number): Promise<WriterLock> {
  const deadline = Date.now() + Math.max(timeoutMs, TIE_MS);
  for (let attempt = 0; ; attempt++) {
    const outcome = tryAcquire(folder);
    if ("release" in outcome) return outcome;
    // A claim younger than the tie window may belong to one that is itself about to step back.
    const tie = outcome.ageMs < TIE_MS;
    if (Date.now() >= deadline || (timeoutMs <= 0 && !tie)) throw locked(folder, outcome, timeoutMs);
    const pause = tie ? 1 + ((process.pid * 7 + attempt * 13) % 17) : 50;
    await new Promise((resolve) => setTimeout(resolve, Math.min(pause, Math.max(1, deadline - Date.now()))));
  }
}

interface Rival {
  readonly name: string;
  readonly owner: Owner | undefined;
  readonly ageMs: number;
}

function tryAcquire(folder: string): WriterLock | Rival {
  const before = liveRival(folder, "");
  if (before) return before;
  const unique = `writer-${randomBytes(12).toString("hex")}`;
  const name = `${unique}.lock`;
  const path = join(folder, name);
  const half = join(folder, `${unique}.half`);
  writeFileSync(half, JSON.stringify(describeSelf()), { flag: "wx" });
  renameSync(half, path);
  const rival = liveRival(folder, name);
  if (rival) {
    rmSync(path, { force: true });
    return rival;
  }
  const timer = setInterval(() => touch(path), HEARTBEAT_MS);
  timer.unref();
  return {
    path,
    release: () => {
      clearInterval(timer);
      rmSync(path, { force: true });
    },
  };
}

/** Removes dead claims on its way. */
function liveRival(folder: string, mine: string): Rival | undefined {
  for (const name of readdirSync(folder)) {
    if (name === mine || !LOCK_PATTERN.test(name)) continue;
    const path = join(folder, name);
    const ageMs = ageOf(path);
    if (ageMs === undefined) continue;
    if (name.endsWith(".half")) {
      if (ageMs > STALE_AFTER_MS) rmSync(path, { force: true });
      continue;
    }
    const owner = readOwner(path);
    if (isAlive(owner, ageMs)) return { name, owner, ageMs };
    rmSync(path, { force: true });
  }
  return undefined;
}

function ageOf(path: string): number | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  return found && Math.max(0, Date.now() - found.mtimeMs);
}

function readOwner(path: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Owner;
  } catch {
    return undefined; // damaged: judged by its age alone
  }
}

function isAlive(owner: Owner | undefined, ageMs: number): boolean {
  const self = describeSelf();
  if (owner === undefined) return ageMs < HEARTBEAT_MS;
  if (owner.host !== self.host) return ageMs < STALE_AFTER_MS;
  if (owner.boot !== self.boot) return false;
  if (owner.pidSpace !== self.pidSpace) return ageMs < STALE_AFTER_MS;
  return processExists(owner.pid) && startTime(owner.pid) === owner.started;
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

let self: Owner | undefined;

function describeSelf(): Owner {
  self ??= {
    pid: process.pid,
    started: startTime(process.pid),
    boot: firstLine("/proc/sys/kernel/random/boot_id"),
    pidSpace: linkTarget("/proc/self/ns/pid"),
    host: hostname(),
  };
  return self;
}

/** Clock ticks since boot at which the process began (field 22 of /proc/pid/stat); "" where there is no /proc. */
function startTime(pid: number): string {
  const line = firstLine(`/proc/${pid}/stat`);
  return line.slice(line.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}

function firstLine(path: string): string {
  try {
    return readFileSync(path, "utf8").split("\n")[0]!;
  } catch {
    return "";
  }
}

function linkTarget(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

function touch(path: string): void {
  try {
    const now = new Date();
    utimesSync(path, now, now);
  } catch {
    // The folder was moved or deleted; the next write says so.
  }
}

function locked(folder: string, rival: Rival, timeoutMs: number): MnemeError {
  const who = rival.owner ? `process ${rival.owner.pid} on ${rival.owner.host}` : "another process";
  const waited = timeoutMs > 0 ? ` after waiting ${timeoutMs} ms` : "";
  return new MnemeError(
    "LOCKED",
    `${folder}: ${who} holds the library for writing${waited}; close it there, open for reading, or wait for it (lock: "wait", --wait 60) ` +
      `(if it is surely gone, delete ${join(folder, rival.name)})`,
    { details: { folder, pid: rival.owner?.pid, host: rival.owner?.host } },
  );
}
