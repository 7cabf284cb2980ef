/**
 * One file of the hub into the cache: from where an earlier attempt ended, again after cuts, checked by size and hash before it gets its
 * name. `@huggingface/hub` downloads a file whole and compares nothing, so ranges of its URLs are asked for here (RFC 9110, 14.2).
 */
import { createHash, type Hash } from "node:crypto";
import { createReadStream, existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pause, retryAfterMs } from "../embed/retry.ts";
import { isMnemeError, MnemeError, throwIfAborted } from "../errors.ts";
import { toStoreError } from "../storage/store-errors.ts";

export interface DownloadProgress {
  readonly file: string;
  /** Bytes that are here, and of the whole file. */
  readonly done: number;
  readonly total: number;
}

export interface Download {
  readonly url: string;
  /** For messages and progress. */
  readonly file: string;
  readonly size: number;
  /** Hash of the content: SHA-256, or SHA-1 as git makes it of a blob. */
  readonly hash: string;
  /** Where it goes. */
  readonly path: string;
}

export interface DownloadOptions {
  readonly request: typeof fetch;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Attempts that bring nothing before it gives up, and the wait after the first of them; it doubles. */
const ATTEMPTS = 5;
const FIRST_WAIT_MS = 250;
const SHA256_DIGITS = 64;

/** By path: two calls in one process share a download. */
const running = new Map<string, Promise<void>>();

/** @throws MnemeError NETWORK, FORBIDDEN, NOT_FOUND, DISK_FULL, CANCELLED; what has come stays for the next attempt */
export async function download(wanted: Download, options: DownloadOptions): Promise<void> {
  for (let other = running.get(wanted.path); other; other = running.get(wanted.path)) {
    const error = await unlessAborted(other, wanted, options).then(
      () => undefined,
      (cause: unknown) => cause,
    );
    if (error === undefined) return;
    // that another call was cancelled is its own matter: this one goes on
    if (options.signal?.aborted || !isMnemeError(error, "CANCELLED")) throw error;
  }
  const own = attemptAll(wanted, options).finally(() => running.delete(wanted.path));
  running.set(wanted.path, own);
  return own;
}

/** What another call makes of the file, or CANCELLED once this one's signal fires. */
async function unlessAborted(
  other: Promise<void>,
  { file }: Download,
  { signal }: DownloadOptions,
): Promise<void> {
  let stop = (): void => {};
  const aborted = new Promise<void>((resolve) => {
    stop = resolve;
    if (signal?.aborted) resolve();
    signal?.addEventListener("abort", stop);
  });
  try {
    await Promise.race([other, aborted]);
    throwIfAborted(signal, `load ${file}`);
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

async function attemptAll(wanted: Download, options: DownloadOptions): Promise<void> {
  const partial = claim(wanted.path);
  let transfer: Transfer | undefined;
  try {
    transfer = await Transfer.open(partial, wanted, options);
    for (let failures = 0; transfer.done < wanted.size; ) {
      throwIfAborted(options.signal, `load ${wanted.file}`);
      const before = transfer.done;
      const failure = await transfer.attempt();
      if (!failure) continue;
      failures = transfer.done > before ? 1 : failures + 1;
      if (failures >= ATTEMPTS) throw failure.error;
      await pause(failure.waitMs ?? FIRST_WAIT_MS * 2 ** (failures - 1), options.signal);
    }
    await transfer.finish();
  } catch (error) {
    const known = toStoreError(error, "download to", partial);
    if (known.code !== "DISK_FULL") throw known;
    throw new MnemeError(
      "DISK_FULL",
      `load ${wanted.file}: no space left for its ${wanted.size} bytes in ${dirname(partial)}; free space and load it again to go on`,
      { cause: error, details: known.details },
    );
  } finally {
    await transfer?.close();
  }
}

/** A process writes to a file of its own; what a dead one left is taken over, by one alone as renaming is atomic. */
function claim(path: string): string {
  const own = `${path}.${process.pid}.incomplete`;
  if (existsSync(own)) return own;
  const left = new RegExp(`^${basename(path)}\\.(\\d+)\\.incomplete$`);
  for (const name of readdirSync(dirname(path))) {
    const pid = left.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    try {
      renameSync(join(dirname(path), name), own);
      return own;
    } catch {
      // another process took it
    }
  }
  return own;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

interface Failure {
  readonly error: MnemeError;
  readonly waitMs: number | undefined;
}

class Transfer {
  /** Bytes that are in the file and in the hash. */
  done = 0;
  readonly #partial: string;
  readonly #wanted: Download;
  readonly #options: DownloadOptions;
  readonly #file: FileHandle;
  #hash: Hash;

  private constructor(partial: string, wanted: Download, options: DownloadOptions, file: FileHandle) {
    this.#partial = partial;
    this.#wanted = wanted;
    this.#options = options;
    this.#file = file;
    this.#hash = hashFor(wanted);
  }

  static async open(partial: string, wanted: Download, options: DownloadOptions): Promise<Transfer> {
    const file = await open(partial, existsSync(partial) ? "r+" : "w+");
    const transfer = new Transfer(partial, wanted, options, file);
    try {
      const { size } = await file.stat();
      if (size > wanted.size) await transfer.#restart();
      else if (size > 0)
        for await (const bytes of createReadStream(partial)) {
          transfer.#hash.update(bytes as Uint8Array);
          transfer.done += (bytes as Uint8Array).length;
        }
      return transfer;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Asks for what is missing. @returns why it broke off, where another attempt may help */
  async attempt(): Promise<Failure | undefined> {
    const { url, file } = this.#wanted;
    const { request, signal } = this.#options;
    let answer: Response;
    try {
      answer = await request(url, this.done > 0 ? { headers: { range: `bytes=${this.done}-` } } : {});
    } catch (cause) {
      throwIfAborted(signal, `load ${file}`);
      return { error: failed(file, "no connection", cause), waitMs: undefined };
    }
    const again = await this.#accept(answer);
    if (again) return again;
    try {
      for await (const bytes of answer.body ?? []) await this.#write(bytes as Uint8Array);
    } catch (cause) {
      throwIfAborted(signal, `load ${file}`);
      if (isMnemeError(cause) || (cause as NodeJS.ErrnoException).syscall === "write") throw cause;
      return { error: failed(file, `cut after ${this.done} bytes`, cause), waitMs: undefined };
    }
    if (this.done === this.#wanted.size) return undefined;
    return {
      error: failed(file, `it ends after ${this.done} bytes of ${this.#wanted.size}`),
      waitMs: undefined,
    };
  }

  /** Compares the hash, and gives the file its name. */
  async finish(): Promise<void> {
    const { file, hash, path } = this.#wanted;
    const found = this.#hash.digest("hex");
    if (found !== hash) {
      rmSync(this.#partial, { force: true });
      throw failed(file, `its hash is ${found}, expected ${hash}`);
    }
    await this.#file.sync();
    renameSync(this.#partial, path);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #accept(answer: Response): Promise<Failure | undefined> {
    const { file } = this.#wanted;
    if (answer.status === 206) {
      const from = /^bytes (\d+)-/.exec(answer.headers.get("content-range") ?? "")?.[1];
      if (Number(from) === this.done) return undefined;
      await answer.body?.cancel();
      throw failed(file, `it sent bytes from ${from} on, asked were those from ${this.done} on`);
    }
    if (answer.ok || answer.status === 416) {
      // a server without ranges sends all of it again
      await this.#restart();
      if (answer.ok) return undefined;
    }
    await answer.body?.cancel();
    const error = refusal(answer.status, file);
    if (answer.status !== 416 && answer.status !== 429 && answer.status < 500) throw error;
    return { error, waitMs: retryAfterMs(answer.headers.get("retry-after"), Date.now()) };
  }

  async #write(bytes: Uint8Array): Promise<void> {
    const { file, size } = this.#wanted;
    if (this.done + bytes.length > size) throw failed(file, `more than the ${size} bytes it should have`);
    for (let at = 0; at < bytes.length; )
      at += (await this.#file.write(bytes, at, bytes.length - at, this.done + at)).bytesWritten;
    this.#hash.update(bytes);
    this.done += bytes.length;
    this.#options.onProgress?.({ file, done: this.done, total: size });
  }

  async #restart(): Promise<void> {
    await this.#file.truncate(0);
    this.#hash = hashFor(this.#wanted);
    this.done = 0;
  }
}

function hashFor({ hash, size }: Download): Hash {
  return hash.length === SHA256_DIGITS ? createHash("sha256") : createHash("sha1").update(`blob ${size}\0`);
}

function failed(file: string, why: string, cause?: unknown): MnemeError {
  return new MnemeError("NETWORK", `load ${file}: ${why}; load it again to go on`, {
    cause,
    details: { file },
  });
}

/** What an answer's status means. */
export function refusal(status: number, what: string): MnemeError {
  const of = (code: "FORBIDDEN" | "NOT_FOUND" | "NETWORK", why: string): MnemeError =>
    new MnemeError(code, `load ${what}: the hub answers ${status}, ${why}`, { details: { status } });
  if (status === 401)
    return of(
      "FORBIDDEN",
      "it is private, gated or not there; check the name, and set HF_TOKEN to a token that may read it",
    );
  if (status === 403)
    return of(
      "FORBIDDEN",
      "the token may not read it; accept the model's terms on its page, or take another token",
    );
  if (status === 404) return of("NOT_FOUND", "there is no such model, revision or file; check the name");
  return of("NETWORK", "try again later");
}
