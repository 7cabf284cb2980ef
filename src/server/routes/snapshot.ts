/**
 * GET /v1/snapshot: the whole library as one file to download, or a range of it. A request that names the version it has begun with
 * (If-Range) gets more of that one for as long as it is kept, whatever has happened to the library since.
 */
import { MnemeError } from "../../errors.ts";
import { byteRange } from "../byte-range.ts";
import type { HeldSnapshot } from "../kept-snapshots.ts";
import { problemBody } from "../problem.ts";
import { type Route, route } from "../route.ts";
import type { Service } from "../service.ts";
import { whenDone } from "../stream.ts";

export function snapshotRoute({ snapshots }: Service): Route {
  return route(
    {
      method: "get",
      path: "/v1/snapshot",
      tag: "Library",
      name: "snapshot",
      summary: "The library as one portable file",
      description:
        "Answers ranges (Range, If-Range, HEAD): a download that broke off goes on, and mneme opens the URL itself. An ETag names a version of the library; it is kept for ten minutes after it was last asked for.",
      produces: [
        { mediaType: "application/octet-stream", description: "A snapshot; open it with mneme, read only" },
      ],
    },
    async ({ request, signal }) => {
      const held = await snapshots.hold(request.headers.get("if-range") ?? undefined);
      try {
        return answer(request, held, signal);
      } catch (error) {
        held.release();
        throw error;
      }
    },
  );
}

function answer(request: Request, held: HeldSnapshot, signal: AbortSignal): Response {
  const { tag, file } = held;
  const headers: Record<string, string> = {
    "accept-ranges": "bytes",
    "cache-control": "no-cache",
    etag: tag,
  };
  if (isKnown(request.headers.get("if-none-match"), tag)) {
    held.release();
    return new Response(null, { status: 304, headers });
  }
  const isSame = (request.headers.get("if-range") ?? tag) === tag;
  const asked = request.method === "GET" && isSame ? request.headers.get("range") : null;
  const range = byteRange(asked, file.size);
  if (range === "unsatisfiable") {
    held.release();
    const error = new MnemeError("RANGE", `GET /v1/snapshot: ${asked} is beyond its ${file.size} bytes`, {
      details: { size: file.size },
    });
    headers["content-range"] = `bytes */${file.size}`;
    return Response.json(problemBody(error, ""), { status: 416, headers });
  }
  const { first, last } = range ?? { first: 0, last: file.size - 1 };
  headers["content-type"] = "application/octet-stream";
  headers["content-length"] = String(last - first + 1);
  headers["content-disposition"] = 'attachment; filename="library.snapshot"';
  if (range) headers["content-range"] = `bytes ${first}-${last}/${file.size}`;
  const status = range ? 206 : 200;
  if (request.method === "HEAD") {
    held.release();
    return new Response(null, { status, headers });
  }
  signal.addEventListener("abort", held.release, { once: true });
  const body = file
    .slice(first, last + 1)
    .stream()
    .pipeThrough(whenDone(held.release));
  return new Response(body, { status, headers });
}

/** Whether the client has this version: a list of tags, weak ones too, or any (RFC 9110, 13.1.2). */
function isKnown(header: string | null, tag: string): boolean {
  return (header ?? "").split(",").some((one) => ["*", tag, `W/${tag}`].includes(one.trim()));
}
