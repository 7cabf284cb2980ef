/** GET /v1/snapshot: any range of a version, for as long as it is kept, while the library goes on changing. */
import { existsSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Memory, open } from "../memory/index.ts";
import { httpSource } from "../storage/http-source.ts";
import { byteRange } from "./byte-range.ts";
import { createServer, type MnemeServer } from "./index.ts";
import { KeptSnapshots } from "./kept-snapshots.ts";

let memory: Memory;
let server: MnemeServer;

beforeEach(async () => {
  memory = await open(":memory:", { workers: 0 });
  await memory.add(
    Array.from({ length: 40 }, (_, i) => ({ id: `note${i}`, text: `Note ${i} is about subject${i}.` })),
  );
  server = createServer(memory, { onError: () => {} });
});
afterEach(async () => {
  await server.close();
  await memory.close();
});

function get(headers: Record<string, string> = {}, method = "GET"): Promise<Response> {
  return Promise.resolve(server.app.request("/v1/snapshot", { method, headers }));
}

async function bytesOf(response: Response): Promise<Uint8Array> {
  return new Uint8Array(await response.arrayBuffer());
}

const kept = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith("mneme-snapshot-"));

describe("ranges", () => {
  test("any range is the bytes that stand there", async () => {
    const whole = await get();
    const tag = whole.headers.get("etag")!;
    const all = await bytesOf(whole);
    expect(whole.status).toBe(200);
    expect(whole.headers.get("accept-ranges")).toBe("bytes");
    expect(whole.headers.get("content-length")).toBe(String(all.length));
    expect(tag).toMatch(/^"[0-9a-f]{32}"$/);
    const place = fc.nat(all.length + 10);
    await fc.assert(
      fc.asyncProperty(fc.option(place), fc.option(place), fc.boolean(), async (from, to, named) => {
        fc.pre(from !== null || to !== null);
        const range = `bytes=${from ?? ""}-${to ?? ""}`;
        const answer = await get({ range, ...(named ? { "if-range": tag } : {}) });
        expect(answer.headers.get("etag")).toBe(tag);
        // the same, said in another way
        const expected =
          from === null
            ? all.slice(Math.max(0, all.length - to!))
            : all.slice(from, to === null ? undefined : to + 1);
        if (from !== null && to !== null && to < from) {
          expect(answer.status).toBe(200);
          return;
        }
        if (expected.length === 0) {
          expect(answer.headers.get("content-range")).toBe(`bytes */${all.length}`);
          expect(answer.status).toBe(416);
          return;
        }
        expect(answer.status).toBe(206);
        const first = from ?? all.length - expected.length;
        const last = first + expected.length - 1;
        expect(answer.headers.get("content-range")).toBe(`bytes ${first}-${last}/${all.length}`);
        expect(answer.headers.get("content-length")).toBe(String(expected.length));
        expect(await bytesOf(answer)).toEqual(expected);
      }),
      { seed: 9, numRuns: 100 },
    );
  });

  test.each(["bytes=", "bytes=-", "bytes=5-2", "bytes=0-1,4-5", "items=0-1", "bytes=x-1"])(
    "%s is no range: the whole is answered",
    (header) => expect(byteRange(header, 100)).toBeUndefined(),
  );

  test("HEAD says what GET would send; If-None-Match that nothing is new", async () => {
    const head = await get({}, "HEAD");
    const whole = await get();
    expect([head.status, (await bytesOf(head)).length]).toEqual([200, 0]);
    for (const name of ["etag", "content-length", "accept-ranges"])
      expect(head.headers.get(name)).toBe(whole.headers.get(name));
    await whole.body?.cancel();
    const tag = head.headers.get("etag")!;
    for (const known of [tag, `W/${tag}`, `"older", ${tag}`, "*"])
      expect((await get({ "if-none-match": known })).status).toBe(304);
    expect((await get({ "if-none-match": '"older"' }).then(bytesOf)).length).toBeGreaterThan(0);
  });
});

describe("versions", () => {
  test("a download goes on with its version after the library has changed; a new one gets the new one", async () => {
    const before = await get();
    const tag = before.headers.get("etag")!;
    const all = await bytesOf(before);
    await memory.add({ id: "late", text: "A zebra came late." });
    const rest = await get({ range: "bytes=1000-", "if-range": tag });
    expect([rest.status, rest.headers.get("etag")]).toEqual([206, tag]);
    expect(await bytesOf(rest)).toEqual(all.slice(1000));
    const fresh = await get();
    expect(fresh.headers.get("etag")).not.toBe(tag);
    await using copy = await open(await bytesOf(fresh));
    expect((await copy.get("late"))?.text).toBe("A zebra came late.");
  });

  test("a version that nobody knows is answered with the whole of what there is", async () => {
    for (const other of ['"other"', 'W/"other"', "Tue, 01 Jan 2030 00:00:00 GMT"]) {
      const answer = await get({ range: "bytes=0-9", "if-range": other });
      expect(answer.status).toBe(200);
      await answer.body?.cancel();
    }
  });

  test("an unchanged library has the same tag after a restart", async () => {
    const tag = (await get({}, "HEAD")).headers.get("etag");
    await using other = createServer(memory, { onError: () => {} });
    expect((await other.app.request("/v1/snapshot", { method: "HEAD" })).headers.get("etag")).toBe(tag);
  });

  test("requests at once share one file; it goes with the server", async () => {
    const before = kept().length;
    const snapshot = vi.spyOn(memory, "snapshot");
    const tags = (await Promise.all(Array.from({ length: 5 }, () => get({}, "HEAD")))).map(({ headers }) =>
      headers.get("etag"),
    );
    expect(new Set(tags).size).toBe(1);
    expect(snapshot).toHaveBeenCalledTimes(1);
    const { path } = await (snapshot.mock.results[0]!.value as Promise<{ path: string }>);
    expect(existsSync(path)).toBe(true);
    await server.close();
    expect(existsSync(path)).toBe(false);
    expect(kept().length).toBeLessThanOrEqual(before);
  });

  test("versions are let go: the oldest that nobody reads beyond the bound, each after its time", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      await using versions = new KeptSnapshots(memory, { most: 2, keepMs: 1000 });
      const snapshot = vi.spyOn(memory, "snapshot");
      const hold = async (): Promise<Awaited<ReturnType<KeptSnapshots["hold"]>>> => {
        const held = await versions.hold();
        await memory.add({ id: "more", text: `Change ${snapshot.mock.calls.length}` });
        return held;
      };
      const read = await hold(); // somebody reads the first for a long time
      const idle = [await hold(), await hold(), await hold()];
      for (const one of idle) one.release();
      const isKept = async (tag: string): Promise<boolean> => {
        const held = await versions.hold(tag);
        held.release();
        return held.tag === tag;
      };
      expect(await isKept(read.tag)).toBe(true);
      expect(await isKept(idle[2]!.tag)).toBe(true);
      expect(await isKept(idle[0]!.tag)).toBe(false);
      vi.advanceTimersByTime(1001);
      expect(await isKept(read.tag)).toBe(true);
      expect(await isKept(idle[2]!.tag)).toBe(false);
      read.release();
      read.release();
      vi.advanceTimersByTime(1001);
      expect(await isKept(read.tag)).toBe(false);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("over a socket", () => {
  test("a library opens the URL, and reads its version on while the served one changes", async () => {
    const { url } = await server.listen({ port: 0 });
    await using remote = await open(`${url}/v1/snapshot`);
    expect(remote.info()).toMatchObject({ items: 40, writable: false });
    await memory.add({ id: "late", text: "A zebra came late." });
    await memory.forget({ ids: ["note7"] });
    const [hit] = (await remote.search("subject7")).hits;
    expect(hit?.id).toBe("note7");
    expect((await remote.get("note39"))?.text).toBe("Note 39 is about subject39.");
    expect(await remote.get("late")).toBeUndefined();
    await using again = await open(`${url}/v1/snapshot`);
    expect((await again.get("late"))?.text).toBe("A zebra came late.");
    const head = await fetch(`${url}/v1/snapshot`, { method: "HEAD" });
    expect(Number(head.headers.get("content-length"))).toBeGreaterThan(1000);
  });

  test("a reader whose version was let go is told that the file changed", async () => {
    const { url } = await server.listen({ port: 0 });
    const source = await httpSource(`${url}/v1/snapshot`);
    const magic = await source.read(0, 8);
    // four versions later the first is beyond the bound
    for (let i = 0; i < 4; i++) {
      await memory.add({ id: "more", text: `Change ${i}` });
      await get({}, "HEAD");
    }
    await expect(source.read(0, 8)).rejects.toMatchObject({
      code: "NETWORK",
      message: expect.stringContaining("changed on the server"),
    });
    expect(await (await httpSource(`${url}/v1/snapshot`)).read(0, 8)).toEqual(magic);
  });
});
