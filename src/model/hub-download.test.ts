/** One file that several calls want at once. */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type Download, download } from "./hub-download.ts";

const folder = mkdtempSync(join(tmpdir(), "mneme-download-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const content = new TextEncoder().encode("all of it");

function wantedAs(name: string): Download {
  const hash = createHash("sha256").update(content).digest("hex");
  return { url: "http://hub.test/file", file: "file", size: content.length, hash, path: join(folder, name) };
}

/** Sends half of the file and waits until the signal fires. */
function hanging(signal: AbortSignal): typeof fetch {
  return async () =>
    new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue(content.slice(0, 4));
          signal.addEventListener("abort", () => controller.error(signal.reason));
        },
      }),
    );
}

test("of two calls the one that is not cancelled goes on from what has come", async () => {
  const wanted = wantedAs("shared");
  const stop = new AbortController();
  const asked: (string | undefined)[] = [];
  const first = download(wanted, {
    request: hanging(stop.signal),
    signal: stop.signal,
    onProgress: () => stop.abort(),
  });
  const second = download(wanted, {
    request: async (_, init) => {
      asked.push((init?.headers as Record<string, string> | undefined)?.range);
      return new Response(content.slice(4), { status: 206, headers: { "content-range": "bytes 4-8/9" } });
    },
  });
  await expect(first).rejects.toMatchObject({ code: "CANCELLED" });
  await second;
  expect(asked).toEqual(["bytes=4-"]);
  expect(new Uint8Array(readFileSync(wanted.path))).toEqual(content);
});

test("a call that waits for another's download can be cancelled", async () => {
  const wanted = wantedAs("waited");
  const [stop, own] = [new AbortController(), new AbortController()];
  const first = download(wanted, { request: hanging(stop.signal), signal: stop.signal });
  const second = download(wanted, { request: fetch, signal: own.signal });
  own.abort();
  await expect(second).rejects.toMatchObject({ code: "CANCELLED" });
  stop.abort();
  await expect(first).rejects.toMatchObject({ code: "CANCELLED" });
});
