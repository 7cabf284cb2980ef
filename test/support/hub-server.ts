/** A hub on 127.0.0.1: the API of Hugging Face for one model, large files behind a redirect to another origin; it fails on request. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export const COMMIT = "0123456789abcdef0123456789abcdef01234567";

export interface HubBehaviour {
  /** Connections to files end after so many bytes, each time, this often. */
  cut?: { readonly after: number; times: number };
  /** Files come byte after byte, so that there is time to end the process. */
  slow?: boolean;
  ranges?: boolean;
  /** The last byte of large files is another one. */
  wrong?: boolean;
  longer?: boolean;
  token?: string;
  /** Answers of files before the first good one. */
  refusals?: number[];
  status?: number;
}

export interface HubServer extends AsyncDisposable {
  readonly url: string;
  readonly behaviour: HubBehaviour;
  /** Path and range of each request for a file, as it went to the hub or to where that redirected. */
  readonly asked: { readonly path: string; readonly range: string | undefined; readonly token: boolean }[];
  /** All requests. */
  count: number;
}

const isLarge = (name: string): boolean => /\.(safetensors|gguf)$/.test(name);

/** As git names a blob. */
const gitHash = (bytes: Uint8Array): string =>
  createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");

function listing(files: ReadonlyMap<string, Uint8Array>, folder: string): object[] {
  const prefix = folder === "" ? "" : `${folder}/`;
  return [...files]
    .filter(([path]) => path.startsWith(prefix) && !path.slice(prefix.length).includes("/"))
    .map(([path, bytes]) => ({
      type: "file",
      path,
      size: bytes.length,
      oid: gitHash(bytes),
      ...(isLarge(path)
        ? {
            lfs: {
              oid: createHash("sha256").update(bytes).digest("hex"),
              size: bytes.length,
              pointerSize: 134,
            },
          }
        : {}),
    }));
}

export async function openHub(model: string, files: ReadonlyMap<string, Uint8Array>): Promise<HubServer> {
  const behaviour: HubBehaviour = {};
  const asked: HubServer["asked"] = [];
  const found = { count: 0 };
  const content = (path: string): Uint8Array | undefined => {
    const bytes = files.get(path);
    if (!bytes || !isLarge(path) || !(behaviour.wrong || behaviour.longer)) return bytes;
    const other = Uint8Array.from([...bytes, ...(behaviour.longer ? [1] : [])]);
    if (behaviour.wrong) other[bytes.length - 1] = other[bytes.length - 1]! ^ 1;
    return other;
  };
  const send = (request: IncomingMessage, answer: ServerResponse, path: string): void => {
    const refused = behaviour.refusals?.shift();
    const bytes = content(path);
    if (refused || !bytes) return void answer.writeHead(refused ?? 404, { "retry-after": "0" }).end();
    const [, from, last] = /^bytes=(\d+)-(\d*)/.exec(request.headers.range ?? "") ?? [];
    asked.push({ path, range: request.headers.range, token: request.headers.authorization !== undefined });
    const ranged = from !== undefined && behaviour.ranges !== false;
    const end = last ? Math.min(Number(last) + 1, bytes.length) : bytes.length;
    const part = ranged ? bytes.subarray(Number(from), end) : bytes;
    answer.writeHead(ranged ? 206 : 200, {
      "content-length": part.length,
      ...(ranged ? { "content-range": `bytes ${from}-${end - 1}/${bytes.length}` } : {}),
    });
    void deliver(answer, part, behaviour);
  };
  const cdn = createServer((request, answer) =>
    send(request, answer, decodeURIComponent(request.url!.slice(1))),
  );
  const cdnUrl = await listening(cdn);
  const hub = createServer((request, answer) => {
    found.count++;
    const { pathname } = new URL(request.url!, "http://hub");
    const json = (value: unknown): void =>
      void answer.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
    if (behaviour.status) return void answer.writeHead(behaviour.status).end("{}");
    if (behaviour.token && request.headers.authorization !== `Bearer ${behaviour.token}`)
      return void answer.writeHead(401, { "x-error-code": "RepoNotFound" }).end("{}");
    if (
      /^\/api\/models\/[^/]+\/[^/]+\/revision\/(main|v1|refs%2Fpr%2F1)$/.test(pathname) &&
      pathname.includes(`/${model}/`)
    )
      return json({ _id: "1", id: model, sha: COMMIT, private: false, lastModified: "2024-01-01T00:00:00Z" });
    const tree = `/api/models/${model}/tree/${COMMIT}`;
    if (pathname.startsWith(tree)) return json(listing(files, pathname.slice(tree.length + 1)));
    const resolve = `/${model}/resolve/${COMMIT}/`;
    if (!pathname.startsWith(resolve)) return void answer.writeHead(404).end("{}");
    const path = pathname.slice(resolve.length);
    if (!isLarge(path)) return send(request, answer, path);
    answer.writeHead(302, { location: `${cdnUrl}/${encodeURIComponent(path)}` }).end();
  });
  const url = await listening(hub);
  return {
    url,
    behaviour,
    asked,
    get count() {
      return found.count;
    },
    async [Symbol.asyncDispose]() {
      for (const server of [hub, cdn]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
}

async function deliver(answer: ServerResponse, bytes: Uint8Array, behaviour: HubBehaviour): Promise<void> {
  const { cut } = behaviour;
  if (cut && cut.times > 0 && cut.after < bytes.length) {
    cut.times--;
    answer.write(bytes.subarray(0, cut.after));
    // a connection that is reset at once takes what was sent with it
    setTimeout(() => answer.destroy(), 20);
    return;
  }
  if (!behaviour.slow || bytes.length < 10_000) return void answer.end(bytes);
  const piece = Math.ceil(bytes.length / 60);
  for (let at = 0; at < bytes.length && !answer.destroyed; at += piece) {
    answer.write(bytes.subarray(at, at + piece));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  answer.end();
}

function listening(server: Server): Promise<string> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () =>
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    );
  });
}
