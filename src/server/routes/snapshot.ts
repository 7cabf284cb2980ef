/** GET /v1/snapshot: the whole library as one file to download. It is written beside, streamed, and removed. */
import { openAsBlob } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Route, route } from "../route.ts";
import type { Service } from "../service.ts";

export function snapshotRoute({ memory }: Service): Route {
  return route(
    {
      method: "get",
      path: "/v1/snapshot",
      tag: "Library",
      name: "snapshot",
      summary: "The library as one portable file",
      produces: [
        { mediaType: "application/octet-stream", description: "A snapshot; open it with mneme, read only" },
      ],
    },
    async ({ signal }) => {
      const folder = await mkdtemp(join(tmpdir(), "mneme-snapshot-"));
      const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
      try {
        const { path, bytes } = await memory.snapshot(join(folder, "library.snapshot"), { signal });
        const file = await openAsBlob(path);
        return new Response(file.stream().pipeThrough(whenDone(remove)), {
          headers: {
            "content-type": "application/octet-stream",
            "content-length": String(bytes),
            "content-disposition": 'attachment; filename="library.snapshot"',
          },
        });
      } catch (error) {
        await remove();
        throw error;
      }
    },
  );
}

/** Passes bytes on and calls `done` once, at the end or when the reader goes away. */
function whenDone(done: () => Promise<void>): TransformStream<Uint8Array, Uint8Array> {
  const transformer: Transformer<Uint8Array, Uint8Array> & { cancel: () => Promise<void> } = {
    transform: (chunk, controller) => controller.enqueue(chunk),
    flush: done,
    cancel: done,
  };
  return new TransformStream(transformer);
}
