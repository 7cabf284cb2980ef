/**
 * createServer: one memory behind HTTP: the API, its OpenAPI document, MCP, metrics and the console.
 * Owns the socket, the metrics and the snapshots that are downloaded, not the memory: whoever opened that closes it, after the server.
 */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { createAdaptorServer } from "@hono/node-server";
import { builtFile } from "../built-file.ts";
import { MnemeError } from "../errors.ts";
import type { Memory } from "../memory/types.ts";
import type { EmbeddingModel, LanguageModel } from "../model/index.ts";
import { type App, buildApp } from "./app.ts";
import { loadConsole } from "./console.ts";
import { endingConnections } from "./ending-connections.ts";
import { assertMayListen, type GuardOptions } from "./guard.ts";
import { KeptSnapshots } from "./kept-snapshots.ts";
import { Metrics } from "./metrics.ts";
import { packageVersion } from "./package-version.ts";
import type { ReadFile, Service } from "./service.ts";

export const serverDefaults = {
  host: "127.0.0.1",
  port: 4747,
  maxUploadBytes: 256e6,
  graceMs: 5000,
} as const;

export interface ServerOptions extends GuardOptions {
  /**
   * Behind /v1/chat/completions, /v1/completions and, by its name, /v1/embeddings; `ask` answers with the model that the library was
   * opened with. Default: none. Borrowed.
   */
  readonly model?: LanguageModel;
  /** What requests call the model; default: its own name, or "language-model". */
  readonly modelName?: string;
  /** Reads uploaded files. Default: the library's own readers. */
  readonly readFile?: ReadFile;
  /** Folder of the built console; default: the package's. */
  readonly consoleFolder?: string;
  readonly maxUploadBytes?: number;
  /** Told of failures that are no MnemeError; default: console.error. */
  readonly onError?: (error: unknown, requestId: string) => void;
}

export interface ListenOptions {
  /** Default 127.0.0.1. Any address that others can reach demands a token. */
  readonly host?: string;
  /** Default 4747; 0: a free one. */
  readonly port?: number;
  readonly token?: string;
}

export interface MnemeServer extends AsyncDisposable {
  /** The fetch handler: `app.fetch(request)` answers without a socket. */
  readonly app: App;
  /** @throws MnemeError ARGUMENT (reachable address without token), EXISTS (port taken), FORBIDDEN (port not allowed). */
  listen(
    options?: ListenOptions,
  ): Promise<{ readonly url: string; readonly host: string; readonly port: number }>;
  /** Stops taking requests, lets the running ones finish for 5 s, then ends them. */
  close(): Promise<void>;
}

interface Listening {
  readonly server: Server;
  readonly endSilent: () => void;
}

export function createServer(memory: Memory, options: ServerOptions = {}): MnemeServer {
  const state: { token: string | undefined; server: Listening | undefined } = {
    token: options.token,
    server: undefined,
  };
  const stopping = new AbortController();
  const metrics = new Metrics();
  const snapshots = new KeptSnapshots(memory);
  const app = buildApp({
    service: serviceOf({ memory, metrics, snapshots }, options),
    version: packageVersion(),
    guard: () => ({ ...options, ...(state.token === undefined ? {} : { token: state.token }) }),
    consoleFiles: once(() =>
      loadConsole(options.consoleFolder ?? fileURLToPath(builtFile("web/", import.meta.url))),
    ),
    onError: options.onError ?? ((error, id) => console.error(`mneme: request ${id} failed`, error)),
    stopping: stopping.signal,
  });
  const close = once(async () => {
    if (state.server) await stop(state.server, stopping);
    stopping.abort();
    metrics[Symbol.dispose]();
    await snapshots[Symbol.asyncDispose]();
  });
  return {
    app,
    listen: async ({ host = serverDefaults.host, port = serverDefaults.port, token } = {}) => {
      if (state.server)
        throw new MnemeError("STATE", "listen: this server listens already; create another one");
      if (stopping.signal.aborted)
        throw new MnemeError("DISPOSED", "listen: this server was closed; create another one");
      assertMayListen(host, token ?? state.token);
      state.token = token ?? state.token;
      const server = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false }) as Server;
      state.server = { server, endSilent: endingConnections(server) };
      return listening(server, host, port).catch((error: unknown) => {
        state.server = undefined; // another port may be free
        throw error;
      });
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function serviceOf(own: Pick<Service, "memory" | "metrics" | "snapshots">, options: ServerOptions): Service {
  return {
    ...own,
    ...(options.readFile ? { readFile: options.readFile } : {}),
    ...(options.model ? { model: servedModel(options.model, options.modelName) } : {}),
    maxUploadBytes: options.maxUploadBytes ?? serverDefaults.maxUploadBytes,
  };
}

function servedModel(
  model: LanguageModel & { readonly name?: string },
  given: string | undefined,
): NonNullable<Service["model"]> {
  const name = given ?? model.name ?? "language-model";
  if (!isEmbeddingModel(model)) return { name, model };
  const embedder = once(async () => {
    const { modelEmbedder } = await import("../model/embedder.ts");
    return modelEmbedder(model, { name });
  });
  return { name, model, embedder };
}

function isEmbeddingModel(model: LanguageModel): model is LanguageModel & EmbeddingModel {
  return "embed" in model && "fingerprint" in model;
}

function listening(
  server: Server,
  host: string,
  port: number,
): Promise<{ url: string; host: string; port: number }> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => reject(listenError(cause, host, port)));
    server.listen(port, host, () => {
      const { port: bound } = server.address() as AddressInfo;
      const name = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
      resolve({ url: `http://${name}:${bound}`, host, port: bound });
    });
  });
}

function listenError(cause: NodeJS.ErrnoException, host: string, port: number): MnemeError {
  const details = { host, port };
  if (cause.code === "EADDRINUSE") {
    return new MnemeError(
      "EXISTS",
      `listen: port ${port} of ${host} is taken; choose another, or 0 for a free one`,
      { cause, details },
    );
  }
  const code = cause.code === "EACCES" ? "FORBIDDEN" : "ARGUMENT";
  return new MnemeError(code, `listen: ${host}:${port} cannot be used (${cause.message}); choose another`, {
    cause,
    details,
  });
}

async function stop({ server, endSilent }: Listening, stopping: AbortController): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  endSilent();
  const timer = setTimeout(() => {
    stopping.abort();
    server.closeAllConnections();
  }, serverDefaults.graceMs);
  await closed;
  clearTimeout(timer);
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
