/**
 * Snapshots that are being downloaded. A library goes on changing while its snapshot is fetched in parts: a version is a file that is
 * written once, known by its entity tag, and kept for as long as somebody may come for more of it.
 *
 * The tag is a hash of the file, so a version that was let go is the same again when the library is: after a restart too.
 */
import { createHash } from "node:crypto";
import { openAsBlob } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Memory } from "../memory/types.ts";
import { FOOTER_BYTES } from "../storage/snapshot-format.ts";

export interface SnapshotLimits {
  /** A version is let go so long after it was last asked for. Default 10 minutes. */
  readonly keepMs?: number;
  /** Versions that are kept; beyond that the one that nobody has asked for the longest goes, once nobody reads it. Default 3. */
  readonly most?: number;
}

export const snapshotDefaults: Required<SnapshotLimits> = { keepMs: 10 * 60_000, most: 3 };

interface Version {
  readonly generation: number;
  /** A strong entity tag, with its quotes. */
  readonly tag: string;
  readonly file: Blob;
  readonly folder: string;
  readers: number;
  timer: NodeJS.Timeout | undefined;
}

/** A version held for one answer: it stays until it is released. */
export interface HeldSnapshot {
  readonly tag: string;
  readonly file: Blob;
  /** Call it in the end, once or more. */
  release(): void;
}

export class KeptSnapshots implements AsyncDisposable {
  readonly #memory: Memory;
  readonly #limits: Required<SnapshotLimits>;
  /** The last asked for comes last. */
  #versions: Version[] = [];
  #writing: { readonly generation: number; readonly version: Promise<Version> } | undefined;
  readonly #closing = new AbortController();
  readonly #removals = new Set<Promise<void>>();

  constructor(memory: Memory, limits: SnapshotLimits = {}) {
    this.#memory = memory;
    this.#limits = { ...snapshotDefaults, ...limits };
  }

  /** The version of a tag where it is kept, else that of the library as it is now. */
  async hold(tag?: string): Promise<HeldSnapshot> {
    const kept = tag === undefined ? undefined : this.#versions.find((one) => one.tag === tag);
    return this.#held(kept ?? (await this.#current()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#writing?.version.catch(() => {});
    for (const version of this.#versions) this.#remove(version);
    await Promise.all(this.#removals);
  }

  async #current(): Promise<Version> {
    const { generation } = this.#memory.info();
    const kept = this.#versions.find((one) => one.generation === generation);
    if (kept) return kept;
    if (this.#writing?.generation !== generation) {
      const version = this.#write(generation);
      const writing = { generation, version };
      this.#writing = writing;
      const done = (): void => {
        if (this.#writing === writing) this.#writing = undefined;
      };
      version.then(done, done);
    }
    return this.#writing!.version;
  }

  /** Whoever asks for it meanwhile gets it too, so nobody's going away ends it: only closing does. */
  async #write(generation: number): Promise<Version> {
    const folder = await mkdtemp(join(tmpdir(), "mneme-snapshot-"));
    try {
      const { path } = await this.#memory.snapshot(join(folder, "library.snapshot"), {
        signal: this.#closing.signal,
      });
      const file = await openAsBlob(path);
      const version = { generation, tag: await tagOf(file), file, folder, readers: 0, timer: undefined };
      this.#versions.push(version);
      return version;
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  #held(version: Version): HeldSnapshot {
    version.readers++;
    clearTimeout(version.timer);
    this.#versions = [...this.#versions.filter((one) => one !== version), version];
    let released = false;
    const release = (): void => {
      if (released) return;
      released = true;
      version.readers--;
      this.#rest(version);
    };
    return { tag: version.tag, file: version.file, release };
  }

  /** Nobody reads it for the moment. */
  #rest(version: Version): void {
    if (version.readers > 0) return;
    version.timer = setTimeout(() => this.#remove(version), this.#limits.keepMs);
    version.timer.unref();
    const beyond = this.#versions.slice(0, Math.max(0, this.#versions.length - this.#limits.most));
    for (const old of beyond) if (old.readers === 0) this.#remove(old);
  }

  #remove(version: Version): void {
    clearTimeout(version.timer);
    this.#versions = this.#versions.filter((one) => one !== version);
    const removal = rm(version.folder, { recursive: true, force: true }).finally(() =>
      this.#removals.delete(removal),
    );
    this.#removals.add(removal);
  }
}

/** The footer holds the hash of all that stands before it. */
async function tagOf(file: Blob): Promise<string> {
  const footer = new Uint8Array(await file.slice(file.size - FOOTER_BYTES).arrayBuffer());
  return `"${createHash("sha256").update(footer).digest("hex").slice(0, 32)}"`;
}
