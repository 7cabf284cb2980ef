/** The console's files: read once from dist/web, gzipped once, served from memory. Not a general file server: names outside the list do not exist. */
import { readdir, readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
};

/** Everything from the own origin, nothing inline, no frames. */
const CONTENT_SECURITY_POLICY: string = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

export interface ConsoleFile {
  readonly type: string;
  readonly bytes: Uint8Array;
  readonly zipped: Uint8Array;
  /** Its name holds a hash of its content. */
  readonly immutable: boolean;
}

export type ConsoleFiles = ReadonlyMap<string, ConsoleFile>;

/** All files under `folder` by URL path; empty when the console was not built. */
export async function loadConsole(folder: string): Promise<ConsoleFiles> {
  const files = new Map<string, ConsoleFile>();
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const type = MEDIA_TYPES[extname(entry.name)];
    if (!entry.isFile() || !type) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = await readFile(path);
    const url = path.slice(folder.length).replaceAll("\\", "/").replace(/^\/*/, "/");
    const zipped = await promisify(gzip)(bytes, { level: 9 });
    files.set(url, { type, bytes, zipped, immutable: url.startsWith("/assets/") });
  }
  return files;
}

/** The file at `path`, or undefined when the console has none there. */
export function consoleAnswer(files: ConsoleFiles, path: string, request: Request): Response | undefined {
  const file = files.get(path === "/" ? "/index.html" : path);
  if (!file) return path === "/" ? notBuilt() : undefined;
  const zip = /\bgzip\b/.test(request.headers.get("accept-encoding") ?? "");
  return new Response((zip ? file.zipped : file.bytes) as Uint8Array<ArrayBuffer>, {
    headers: {
      "content-type": file.type,
      "cache-control": file.immutable ? "public, max-age=31536000, immutable" : "no-cache",
      "content-security-policy": CONTENT_SECURITY_POLICY,
      vary: "accept-encoding",
      ...(zip ? { "content-encoding": "gzip" } : {}),
    },
  });
}

function notBuilt(): Response {
  return new Response(
    "The console is not built here (npm run build); the API is described at /openapi.json\n",
    {
      headers: { "content-type": "text/plain; charset=utf-8" },
    },
  );
}
