/** Models by name: "hf:owner/name[/file.gguf][@revision]" into the cache that Hugging Face's tools share, by `@huggingface/hub`, an optional peer. */
import { existsSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { isMnemeError, MnemeError, throwIfAborted } from "../errors.ts";
import type { ByteSource } from "../storage/byte-source.ts";
import { httpSource } from "../storage/http-source.ts";
import { ggufShards } from "../weights/gguf-source.ts";
import { HubCache, hubCacheFolder, isCommit } from "./hub-cache.ts";
import { type DownloadProgress, download, refusal } from "./hub-download.ts";

export interface HubOptions {
  readonly hub?: {
    /** Default: $HF_ENDPOINT or https://huggingface.co. */
    readonly url?: string;
    /** Default: $HF_HUB_CACHE, $HF_HOME/hub or ~/.cache/huggingface/hub. */
    readonly cache?: string;
    /** Default: $HF_TOKEN. Sent to the hub alone. */
    readonly token?: string;
    /** Only what is in the cache. Default: $HF_HUB_OFFLINE is 1. */
    readonly offline?: boolean;
  };
  /** Of downloads, as bytes come. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Ends a download; what has come stays. */
  readonly signal?: AbortSignal;
}

export interface HubName {
  /** "owner/name" */
  readonly model: string;
  /** A path to a GGUF file; undefined for all that a folder needs. */
  readonly file: string | undefined;
  readonly revision: string;
}

export interface HubFile {
  readonly type: string;
  readonly path: string;
  readonly size: number;
  readonly oid?: string;
  readonly lfs?: { readonly oid: string; readonly size: number };
}

/** What of the package is used here. */
interface HubModule {
  modelInfo(params: object): Promise<{ readonly sha?: unknown }>;
  listFiles(params: object): AsyncGenerator<HubFile>;
}

const PREFIX = "hf:";
const PACKAGE = "@huggingface/hub";
const INDEX = "model.safetensors.index.json";
/** Besides the weights. */
const WANTED = /^(config\.json|generation_config\.json|tokenizer[\w.-]*\.json|chat_template\.jinja)$/;

/** Whether it names a model of the hub, not a path. */
export const isHubName = (model: string): boolean => model.startsWith(PREFIX);

/** @throws MnemeError ARGUMENT */
export function parseHubName(name: string): HubName {
  const found = /^hf:([\w.-]+\/[\w.-]+)(?:\/([\w./-]+))?(?:@([\w./-]+))?$/.exec(name);
  const [, model, file, revision = "main"] = found ?? [];
  const parts = [...(model?.split("/") ?? []), ...(file?.split("/") ?? []), ...revision.split("/")];
  if (model === undefined || parts.some((part) => part === "" || part === "." || part === ".."))
    throw new MnemeError(
      "ARGUMENT",
      `load ${name}: expected hf:owner/name, hf:owner/name/file.gguf, and perhaps @revision behind it`,
    );
  if (file !== undefined && !file.endsWith(".gguf"))
    throw new MnemeError(
      "ARGUMENT",
      `load ${name}: of single files only .gguf are models; leave ${file} out`,
    );
  return { model, file, revision };
}

/** @returns path of the snapshot's folder, or of its GGUF file. @throws MnemeError as `load` does */
export async function fetchModel(name: string, options: HubOptions): Promise<string> {
  const wanted = parseHubName(name);
  const cache = cacheOf(wanted, options);
  if (isOffline(options)) return cached(name, wanted, cache, "the hub may not be asked (HF_HUB_OFFLINE)");
  const remote = new Remote(name, wanted, options);
  let commit: string;
  try {
    commit = await remote.commit();
  } catch (error) {
    if (isMnemeError(error, "NETWORK") && cache.commitOf(wanted.revision))
      return cached(name, wanted, cache, "the hub does not answer");
    throw error;
  }
  const path = await snapshot(name, wanted, cache, remote, commit);
  cache.remember(wanted.revision, commit);
  return path;
}

/** Whether only the cache may be asked. */
export function isOffline({ hub }: HubOptions): boolean {
  return hub?.offline ?? /^(1|true|yes|on)$/i.test(process.env.HF_HUB_OFFLINE ?? "");
}

/** Where the cache has a model. @throws MnemeError NOT_FOUND */
export function cachedModel(name: string, options: HubOptions): string {
  const wanted = parseHubName(name);
  return cached(name, wanted, cacheOf(wanted, options), "the hub cannot be asked");
}

function cacheOf({ model }: HubName, { hub }: HubOptions): HubCache {
  return new HubCache(hub?.cache ?? hubCacheFolder(), model);
}

function cached(name: string, { file, revision }: HubName, cache: HubCache, why: string): string {
  const commit = cache.commitOf(revision);
  if (!commit)
    throw new MnemeError(
      "NOT_FOUND",
      `load ${name}: it is not in ${cache.folder}, and ${why}; fetch it while online`,
    );
  if (file === undefined) return cache.snapshot(commit);
  const shards = ggufShards(join(cache.snapshot(commit), file));
  const missing = shards.find((shard) => !existsSync(shard));
  if (missing === undefined) return shards[0]!;
  throw new MnemeError(
    "NOT_FOUND",
    `load ${name}: ${missing} is not there, and ${why}; fetch it while online`,
  );
}

async function snapshot(
  name: string,
  wanted: HubName,
  cache: HubCache,
  remote: Remote,
  commit: string,
): Promise<string> {
  const folder = cache.snapshot(commit);
  const bring = async (file: HubFile): Promise<void> => {
    if (existsSync(join(folder, file.path))) return;
    const hash = file.lfs?.oid ?? file.oid ?? "";
    if (!/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(hash))
      throw new MnemeError(
        "NETWORK",
        `load ${name}: the hub lists ${file.path} without a hash; is it a hub?`,
      );
    if (!existsSync(cache.blob(hash))) await remote.download(file, hash, cache.blob(hash), commit);
    cache.link(commit, file.path, hash);
  };
  const listed = await remote.list(commit, wanted.file === undefined ? "" : posix.dirname(wanted.file));
  const index = wanted.file === undefined ? listed.get(INDEX) : undefined;
  if (index) await bring(index);
  const named = index ? shardsNamed(join(folder, INDEX)) : undefined;
  const paths = chosenFiles(name, wanted, [...listed.keys()], named);
  for (const path of paths) {
    const file = listed.get(path);
    if (!file)
      throw new MnemeError("NOT_FOUND", `load ${name}: the hub has no ${path} at ${wanted.revision}`);
    await bring(file);
  }
  const gguf = paths.find((path) => path.endsWith(".gguf"));
  return gguf === undefined ? folder : join(folder, gguf);
}

/** Files of weights that the index names; those of a foreign index are checked when it is opened. */
function shardsNamed(path: string): string[] {
  try {
    const { weight_map: map } = JSON.parse(readFileSync(path, "utf8")) as { weight_map?: object };
    return [...new Set(Object.values(map ?? {}))].filter((one): one is string => typeof one === "string");
  } catch (cause) {
    throw new MnemeError("FORMAT", `${path}: not JSON; is the model whole on the hub?`, { cause });
  }
}

/** Paths to fetch. @param named files of weights, where an index says. @throws MnemeError ARGUMENT, NOT_FOUND */
export function chosenFiles(
  name: string,
  { file }: HubName,
  listed: readonly string[],
  named: readonly string[] | undefined,
): readonly string[] {
  if (file !== undefined) return ggufShards(file);
  const top = listed.filter((path) => /^[\w.-]+$/.test(path));
  const tensors = named ?? top.filter((path) => path.endsWith(".safetensors"));
  if (tensors.length > 0) {
    const whole = named === undefined && tensors.includes("model.safetensors");
    return [...top.filter((path) => WANTED.test(path)), ...(whole ? ["model.safetensors"] : tensors)];
  }
  const files = top.filter((path) => path.endsWith(".gguf") && ggufShards(path)[0] === path);
  if (files.length === 1) return ggufShards(files[0]!);
  if (files.length > 1)
    throw new MnemeError(
      "ARGUMENT",
      `load ${name}: which of its files? Write hf:…/ and one of ${files.join(", ")}`,
    );
  throw new MnemeError("NOT_FOUND", `load ${name}: it has neither .safetensors nor .gguf files`);
}

/** A model on the hub. */
export class Remote {
  readonly #name: string;
  readonly #wanted: HubName;
  readonly #options: HubOptions;
  readonly #url: string;

  constructor(name: string, wanted: HubName, options: HubOptions) {
    this.#name = name;
    this.#wanted = wanted;
    this.#options = options;
    this.#url = (options.hub?.url ?? (process.env.HF_ENDPOINT || "https://huggingface.co")).replace(
      /\/+$/,
      "",
    );
  }

  async commit(): Promise<string> {
    const { modelInfo } = await hubModule();
    const { model: name, revision } = this.#wanted;
    const { sha } = await this.#asked(() =>
      modelInfo({ ...this.#params(), name, revision, additionalFields: ["sha"] }),
    );
    if (typeof sha === "string" && isCommit(sha)) return sha;
    throw new MnemeError(
      "NETWORK",
      `load ${this.#name}: the hub names no commit of ${revision}; is it a hub?`,
    );
  }

  /** Files of a folder by path. */
  async list(commit: string, folder: string): Promise<ReadonlyMap<string, HubFile>> {
    const { listFiles } = await hubModule();
    const path = folder === "." ? "" : folder;
    return this.#asked(async () => {
      const files = new Map<string, HubFile>();
      for await (const file of listFiles({
        ...this.#params(),
        repo: this.#wanted.model,
        revision: commit,
        path,
      }))
        if (file.type === "file") files.set(file.path, file);
      return files;
    });
  }

  download(file: HubFile, hash: string, path: string, commit: string): Promise<void> {
    const { onProgress, signal } = this.#options;
    const url = this.urlOf(commit, file.path);
    const size = file.lfs?.size ?? file.size;
    return download(
      { url, file: file.path, size, hash, path },
      { request: this.request, onProgress, signal },
    );
  }

  urlOf(commit: string, path: string): string {
    return `${this.#url}/${this.#wanted.model}/resolve/${commit}/${path}`;
  }

  /** A small file. @throws MnemeError NETWORK, FORBIDDEN, NOT_FOUND, CANCELLED */
  text(commit: string, path: string): Promise<string> {
    return this.#asked(async () => {
      const answer = await this.request(this.urlOf(commit, path));
      if (!answer.ok) throw Object.assign(new Error(path), { statusCode: answer.status });
      return answer.text();
    });
  }

  /** A large file, of which parts are read. @throws MnemeError as `text` does */
  source(commit: string, path: string): Promise<ByteSource> {
    const { signal } = this.#options;
    const url = this.urlOf(commit, path);
    return this.#asked(() => httpSource(url, { fetch: this.request, ...(signal && { signal }) }));
  }

  #params(): object {
    return { hubUrl: this.#url, fetch: this.request };
  }

  /** The token goes to the hub, never to where it redirects. */
  readonly request: typeof fetch = (input, init) => {
    const token = this.#options.hub?.token ?? process.env.HF_TOKEN;
    const headers = new Headers(init?.headers);
    const target = new URL(input instanceof Request ? input.url : input);
    if (token && target.origin === new URL(this.#url).origin) headers.set("authorization", `Bearer ${token}`);
    const { signal } = this.#options;
    return fetch(input, { ...init, headers, ...(signal ? { signal } : {}) });
  };

  async #asked<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (cause) {
      throwIfAborted(this.#options.signal, `load ${this.#name}`);
      const isKnown = isMnemeError(cause);
      const status = isKnown ? cause.details.status : (cause as { statusCode?: unknown }).statusCode;
      if (typeof status === "number") throw refusal(status, this.#name);
      if (isKnown) throw cause;
      throw new MnemeError(
        "NETWORK",
        `load ${this.#name}: ${this.#url} does not answer as a hub; is it reachable?`,
        {
          cause,
        },
      );
    }
  }
}

async function hubModule(): Promise<HubModule> {
  try {
    return (await import(/* @vite-ignore */ PACKAGE)) as HubModule;
  } catch (cause) {
    throw new MnemeError(
      "DEPENDENCY",
      `load: the package ${PACKAGE} is not installed; run \`npm i ${PACKAGE}\``,
      {
        cause,
      },
    );
  }
}
