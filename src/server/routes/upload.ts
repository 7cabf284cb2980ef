/** POST /v1/upload: files become items, one after the other, and the answer tells of each as it is done. */
import { parseMultipartRequest } from "@remix-run/multipart-parser";
import type { z } from "zod";
import { isMnemeError, MnemeError } from "../../errors.ts";
import type { AddResult, Progress, Skipped } from "../../memory/types.ts";
import { Pacer } from "../../pacer.ts";
import { readBody, unsupported } from "../read-body.ts";
import { type Route, route } from "../route.ts";
import type { Service } from "../service.ts";
import { acceptedStream, streamed } from "../stream.ts";
import { addAnswer } from "./items.ts";

export type UploadEvent =
  | { readonly type: "read"; readonly name: string; readonly bytes: number }
  | { readonly type: "progress"; readonly name: string; readonly progress: Progress }
  | {
      readonly type: "file";
      readonly name: string;
      readonly id: string;
      readonly outcome: "added" | "updated" | "unchanged";
      readonly passages: number;
    }
  | ({ readonly type: "skipped"; readonly name: string } & Omit<Skipped, "id">)
  | ({ readonly type: "done" } & AddResult);

/** One file as it came: in the pieces that the network made of it. */
interface Uploaded {
  readonly name: string;
  readonly bytes: number;
  readonly pieces: Uint8Array[];
}

export function uploadRoutes(service: Service): Route[] {
  const upload = route(
    {
      method: "post",
      path: "/v1/upload",
      tag: "Items",
      name: "upload",
      summary: "Read files into the library",
      description:
        "Each part named `file` is one document; its file name, folders included, becomes the item's id. With Accept: " +
        "application/x-ndjson or text/event-stream the answer is events: read, progress, then file or skipped for each " +
        "file, and done with the totals.",
      rawBody: {
        mediaType: "multipart/form-data",
        schema: {
          type: "object",
          required: ["file"],
          properties: {
            file: { type: "array", items: { type: "string", contentMediaType: "application/octet-stream" } },
          },
        },
      },
      response: addAnswer,
      produces: [
        { mediaType: "application/x-ndjson", description: "One event a line" },
        { mediaType: "text/event-stream", description: "The same events" },
      ],
    },
    async ({ request, signal, ends }) => {
      const files = await readFiles(request);
      const events = takeIn(service, files, signal);
      const format = acceptedStream(request);
      return format ? streamed(events, format, ends) : lastResult(events);
    },
  );
  return [upload];
}

async function readFiles(request: Request): Promise<Uploaded[]> {
  const type = request.headers.get("content-type") ?? "";
  if (!/^multipart\/form-data\b/i.test(type))
    throw unsupported("upload", "content-type", type, "the files as multipart/form-data");
  const files = await readBody(request, "upload", filesOf);
  if (files.length > 0) return files;
  throw new MnemeError("ARGUMENT", 'upload: no files; send multipart/form-data with parts named "file"');
}

/** The body as a whole has a limit already. */
const NO_LIMITS = {
  maxFileSize: Number.POSITIVE_INFINITY,
  maxTotalSize: Number.POSITIVE_INFINITY,
  maxParts: Number.POSITIVE_INFINITY,
};

/** Parsed piece by piece, as it comes: as one form a large body would hold the event loop. */
async function filesOf(request: Request): Promise<Uploaded[]> {
  const files: Uploaded[] = [];
  for await (const part of parseMultipartRequest(request, NO_LIMITS)) {
    if (part.name !== "file" || part.filename === undefined) continue;
    files.push({ name: safeName(unescaped(part.filename)), bytes: part.size, pieces: part.content });
  }
  return files;
}

/** Browsers write these three as escapes in a name that stands in quotes. */
const unescaped = (name: string): string => name.replace(/%22|%0d|%0a/gi, (code) => decodeURIComponent(code));

/** The bytes of a file, whose pieces are let go. */
async function joined({ bytes, pieces }: Uploaded): Promise<Uint8Array<ArrayBuffer>> {
  const pacer = new Pacer();
  const all = new Uint8Array(bytes);
  let at = 0;
  for (const piece of pieces) {
    if (pacer.isDue) await pacer.pause();
    all.set(piece, at);
    at += piece.length;
  }
  pieces.length = 0;
  return all;
}

/** A relative path with / between its folders; nothing in it climbs or hides. @throws MnemeError ARGUMENT */
function safeName(name: string): string {
  const parts = name
    .replaceAll("\\", "/")
    .split("/")
    .filter((part) => part !== "" && part !== "." && part !== "..");
  const path = parts.join("/");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (path !== "" && path.length <= 1024 && !/[\u0000-\u001f\u007f]/.test(path)) return path;
  throw new MnemeError(
    "ARGUMENT",
    `upload: ${JSON.stringify(name.slice(0, 80))} is no usable file name; 1 to 1024 characters without control characters`,
  );
}

async function* takeIn(
  service: Service,
  files: readonly Uploaded[],
  signal: AbortSignal,
): AsyncGenerator<UploadEvent> {
  const totals = { added: 0, updated: 0, unchanged: 0, passages: 0, bytes: 0, skipped: [] as Skipped[] };
  for (const file of files) {
    const { name, bytes } = file;
    yield { type: "read", name, bytes };
    const result = yield* reporting(name, (onProgress) => takeOne(service, file, signal, onProgress));
    if ("code" in result) {
      totals.skipped.push({ ...result, id: name });
      yield { type: "skipped", name, code: result.code, reason: result.reason };
      continue;
    }
    for (const key of ["added", "updated", "unchanged", "passages", "bytes"] as const)
      totals[key] += result[key];
    totals.skipped.push(...result.skipped);
    yield outcomeOf(name, result);
  }
  yield { type: "done", ...totals };
}

/** Runs `work` and yields what it reports, as it reports it. */
async function* reporting<T>(
  name: string,
  work: (onProgress: (progress: Progress) => void) => Promise<T>,
): AsyncGenerator<UploadEvent, T> {
  const queue: Progress[] = [];
  let wake = (): void => {};
  let finished = false;
  const result = work((progress) => {
    queue.push(progress);
    wake();
  }).finally(() => {
    finished = true;
    wake();
  });
  // Awaited below; a client that goes away first must not leave a rejection unhandled.
  result.catch(() => {});
  while (!finished) {
    await new Promise<void>((resolve) => {
      wake = resolve;
      if (queue.length > 0 || finished) resolve();
    });
    for (const progress of queue.splice(0)) yield { type: "progress", name, progress };
  }
  return result;
}

/** One file that cannot be read is told and does not stop the others; a cancelled or full library does. */
async function takeOne(
  service: Service,
  file: Uploaded,
  signal: AbortSignal,
  onProgress: (progress: Progress) => void,
): Promise<(AddResult & { readonly id: string }) | { readonly code: string; readonly reason: string }> {
  const { name } = file;
  try {
    const bytes = await joined(file);
    if (service.readFile) {
      const item = await service.readFile(name, bytes);
      return { ...(await service.memory.add([item], { signal, onProgress })), id: item.id };
    }
    const meta = placeOf(name);
    return {
      ...(await service.memory.addFile(name, bytes, { meta, signal, onProgress, give: true })),
      id: name,
    };
  } catch (error) {
    if (!isMnemeError(error) || FATAL.has(error.code)) throw error;
    return { code: error.code, reason: error.message };
  }
}

function placeOf(path: string): { path: string; folder: string; name: string } {
  const slash = path.lastIndexOf("/");
  return { path, folder: path.slice(0, Math.max(0, slash)), name: path.slice(slash + 1) };
}

const FATAL: ReadonlySet<string> = new Set([
  "CANCELLED",
  "DISPOSED",
  "READ_ONLY",
  "DISK_FULL",
  "BUDGET",
  "INTERNAL",
  "CORRUPT",
]);

function outcomeOf(name: string, result: AddResult & { readonly id: string }): UploadEvent {
  const [skipped] = result.skipped;
  if (skipped) return { type: "skipped", name, code: skipped.code, reason: skipped.reason };
  const outcome = result.added > 0 ? "added" : result.updated > 0 ? "updated" : "unchanged";
  return { type: "file", name, id: result.id, outcome, passages: result.passages };
}

async function lastResult(events: AsyncIterable<UploadEvent>): Promise<z.infer<typeof addAnswer>> {
  let last: UploadEvent | undefined;
  for await (const event of events) last = event;
  const { type: _, ...result } = last!;
  return result;
}
