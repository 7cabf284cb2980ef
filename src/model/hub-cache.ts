/** The folder that Hugging Face's tools share: models--owner--name with blobs by their hash, snapshots that link to them, refs to commits. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { dirname, join, relative } from "node:path";

/** $HF_HUB_CACHE, $HF_HOME/hub, $XDG_CACHE_HOME/huggingface/hub or ~/.cache/huggingface/hub. */
export function hubCacheFolder(): string {
  const { HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME, XDG_CACHE_HOME } = process.env;
  const home = HF_HOME || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "huggingface");
  return HF_HUB_CACHE || HUGGINGFACE_HUB_CACHE || join(home, "hub");
}

const COMMIT = /^[0-9a-f]{40}$/;

export const isCommit = (text: string): boolean => COMMIT.test(text);

export class HubCache {
  /** Of the model. */
  readonly folder: string;

  /** @param model "owner/name" */
  constructor(folder: string, model: string) {
    this.folder = join(folder, `models--${model.replaceAll("/", "--")}`);
  }

  /** The commit that a revision was when it was last asked for. */
  commitOf(revision: string): string | undefined {
    if (isCommit(revision)) return existsSync(this.snapshot(revision)) ? revision : undefined;
    try {
      const commit = readFileSync(join(this.folder, "refs", revision), "utf8").trim();
      return isCommit(commit) && existsSync(this.snapshot(commit)) ? commit : undefined;
    } catch {
      return undefined;
    }
  }

  remember(revision: string, commit: string): void {
    if (isCommit(revision)) return;
    const path = join(this.folder, "refs", revision);
    mkdirSync(dirname(path), { recursive: true });
    const unfinished = `${path}.${process.pid}.incomplete`;
    writeFileSync(unfinished, commit);
    renameSync(unfinished, path);
  }

  snapshot(commit: string): string {
    return join(this.folder, "snapshots", commit);
  }

  /** Where bytes with this hash lie. */
  blob(hash: string): string {
    const folder = join(this.folder, "blobs");
    mkdirSync(folder, { recursive: true });
    return join(folder, hash);
  }

  /** Makes a file of a snapshot out of a blob: a link, or a copy where links are not allowed. */
  link(commit: string, file: string, hash: string): void {
    const path = join(this.snapshot(commit), file);
    if (existsSync(path)) return;
    mkdirSync(dirname(path), { recursive: true });
    rmSync(path, { force: true });
    const blob = this.blob(hash);
    try {
      symlinkSync(relative(dirname(path), blob), path);
    } catch (error) {
      // another process was faster; or a system that does not allow links
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") copyFileSync(blob, path);
    }
  }
}
