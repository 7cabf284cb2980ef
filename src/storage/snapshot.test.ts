import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { anyKey } from "../../test/contract/store.ts";
import { codeOf } from "../../test/support/code-of.ts";
import { isMnemeError } from "../errors.ts";
import { type ByteSource, blobSource, memorySource, sourceOf } from "./byte-source.ts";
import { fileSource } from "./file-source.ts";
import { httpSource } from "./http-source.ts";
import { lmdbStore } from "./lmdb-store.ts";
import { memoryStore } from "./memory-store.ts";
import { openPath } from "./open-path.ts";
import { openSnapshot } from "./snapshot-open.ts";
import { restore, verifySnapshot } from "./snapshot-restore.ts";
import { writeSnapshot } from "./snapshot-write.ts";
import type { Entry, Key, RangeOptions, ReadableStore, Store } from "./store.ts";

let folder = "";
let library: Store;
let path = "";
let bytes: Uint8Array;
let server: Server;
let origin = "";
/** What the server does with the next request; undefined: the right thing. */
let misbehave: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
let requests = 0;

const fill = (length: number, seed: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 7 + seed * 13 + (i >> 7)) & 255);

function serve(request: IncomingMessage, response: ServerResponse): void {
  requests++;
  if (misbehave?.(request, response)) return;
  const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? "") ?? [];
  if (request.method === "HEAD") {
    response.writeHead(200, { "content-length": bytes.length }).end();
    return;
  }
  const part = bytes.subarray(Number(from), Number(to) + 1);
  response.writeHead(206, { "content-range": `bytes ${from}-${to}/${bytes.length}`, etag: '"1"' });
  response.end(part);
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "mneme-snapshot-"));
  library = memoryStore();
  await library.batch((b) => {
    for (let i = 0; i < 6000; i++) b.put("many", ["k", i], fill(30 + (i % 90), i));
    for (const size of [0, 1, 40_000, 65_504, 700_000]) b.put("sizes", [size], fill(size, size));
    b.put("words", ["é", "\u{1F600}", ""], fill(5, 1));
  });
  await library.batch((b) => b.delete("many", ["k", 17]));
  path = join(folder, "library.snapshot");
  await writeSnapshot(library, path);
  bytes = new Uint8Array(readFileSync(path));
  server = createServer(serve);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}/library.snapshot`;
});

afterAll(async () => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
});

async function collect(store: ReadableStore, namespace: string, options?: RangeOptions): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const entry of store.range(namespace, options)) entries.push(entry);
  return entries;
}

async function sameAsLibrary(snapshot: ReadableStore): Promise<void> {
  for (const namespace of ["many", "sizes", "words", "none"]) {
    const found = await collect(snapshot, namespace);
    const wanted = await collect(library, namespace);
    expect(found.map((e) => e.key)).toEqual(wanted.map((e) => e.key));
    for (const [i, e] of found.entries()) expect(Buffer.compare(e.value, wanted[i]!.value)).toBe(0);
  }
}

const sources: [string, () => Promise<ByteSource>][] = [
  ["memory", async () => memorySource(bytes)],
  ["file", async () => fileSource(path)],
  ["blob", async () => blobSource(new Blob([bytes as Uint8Array<ArrayBuffer>]))],
  ["http", () => httpSource(origin)],
];

describe.each(sources)("snapshot from %s", (name, open) => {
  it("holds what the store held", async () => {
    const snapshot = await openSnapshot(await open());
    await sameAsLibrary(snapshot);
    expect(snapshot.generation()).toBe(2);
    expect(snapshot.writable).toBe(false);
    expect(snapshot.stats().bytes).toBe(bytes.length);
    expect(await snapshot.getMany("many", [["k", 5], ["k", 17], ["x"]])).toEqual([
      fill(35, 5),
      undefined,
      undefined,
    ]);
    await snapshot.close();
    await snapshot.close();
    expect(await codeOf(() => snapshot.getMany("many", [["k", 5]]))).toBe("DISPOSED");
    expect(await codeOf(() => collect(snapshot, "many"))).toBe("DISPOSED");
  });

  it("answers ranges as the store does", async () => {
    const snapshot = await openSnapshot(await open(), { cacheBytes: name === "memory" ? 1 : 1 << 20 });
    const number = fc.integer({ min: -10, max: 6010 });
    const options = fc.record(
      {
        start: number.map((n): Key => ["k", n]),
        end: number.map((n): Key => ["k", n]),
        prefix: fc.constantFrom<Key>(["k"], ["j"], ["k", 3]),
        reverse: fc.boolean(),
        limit: fc.nat(400),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(options, async (range) => {
        const found = await collect(snapshot, "many", range);
        const wanted = await collect(library, "many", range);
        expect(found.map((e) => e.key)).toEqual(wanted.map((e) => e.key));
        expect(found.at(-1)?.value).toEqual(wanted.at(-1)?.value);
      }),
      { seed: 11, numRuns: 30 },
    );
    await snapshot.close();
  });
});

describe("snapshot", () => {
  it("is the same bytes for the same entries, whatever the store", async () => {
    const other = await lmdbStore(join(folder, "same"));
    for (const namespace of ["sizes", "words", "many"])
      await other.batch((b) => {
        for (const { key, value } of library.range(namespace)) b.put(namespace, key, value);
      });
    const second = join(folder, "second.snapshot");
    await writeSnapshot(other, second);
    const found = new Uint8Array(readFileSync(second));
    const upToFooter = bytes.length - 128;
    expect(Buffer.compare(found.subarray(0, upToFooter), bytes.subarray(0, upToFooter))).toBe(0);
    await other.close();
  });

  it("bears the generation of what it holds, though the store is written as it begins", async () => {
    const store = await lmdbStore(join(folder, "written-meanwhile"));
    await store.batch((b) => b.put("n", [1], fill(9, 1)));
    const target = join(folder, "written-meanwhile.snapshot");
    const writing = writeSnapshot(store, target);
    await store.batch((b) => b.put("n", [2], fill(9, 2)));
    await writing;
    await using snapshot = await openSnapshot(fileSource(target));
    expect([...(snapshot.range("n") as Iterable<Entry>)].length).toBe(snapshot.generation());
    await store.close();
  });

  it("gives back random entries, and deep trees", async () => {
    const entries = fc.array(fc.tuple(anyKey, fc.uint8Array({ maxLength: 40 })), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(entries, async (list) => {
        const store = memoryStore();
        await store.batch((b) => {
          for (const [key, value] of list) b.put("n", key, value);
        });
        const file = join(folder, "random.snapshot");
        await writeSnapshot(store, file);
        const snapshot = await openSnapshot(fileSource(file));
        expect(await collect(snapshot, "n")).toEqual(await collect(store, "n"));
        await snapshot.close();
      }),
      { seed: 3, numRuns: 40 },
    );
    const deep = memoryStore();
    await deep.batch((b) => {
      for (let i = 0; i < 3000; i++) b.put("n", ["x".repeat(1500), i], fill(40, i));
    });
    const file = join(folder, "deep.snapshot");
    await writeSnapshot(deep, file);
    const snapshot = await openSnapshot(fileSource(file));
    expect((await collect(snapshot, "n", { reverse: true })).length).toBe(3000);
    expect((await snapshot.getMany("n", [["x".repeat(1500), 2999]]))[0]).toEqual(fill(40, 2999));
    await snapshot.close();
  });

  it("restores into a new library, whole", async () => {
    const target = join(folder, "restored");
    const snapshot = await openSnapshot(fileSource(path));
    mkdirSync(target);
    writeFileSync(join(target, "building-1.tmp"), "what a killed restore left");
    expect((await restore(snapshot, target)).entries).toBe(6005);
    expect(readdirSync(target).filter((name) => name.includes("building"))).toEqual([]);
    const restored = (await openPath(target)) as Store;
    await sameAsLibrary(restored);
    expect(restored.generation()).toBe(2);
    expect(await restored.batch((b) => b.put("more", [1], fill(3, 3)))).toBe(3);
    await restored.close();
    expect(await codeOf(() => restore(snapshot, target))).toBe("EXISTS");
    expect(await codeOf(() => restore(snapshot, path))).toBe("EXISTS");
    await snapshot.close();
  });

  it("leaves nothing behind when cancelled, and keeps what was there", async () => {
    const target = join(folder, "kept.snapshot");
    writeFileSync(target, "precious");
    const signal = AbortSignal.abort();
    expect(await codeOf(() => writeSnapshot(library, target, { signal }))).toBe("CANCELLED");
    expect(readFileSync(target, "utf8")).toBe("precious");
    expect(readdirSync(folder).filter((name) => name.includes(".tmp"))).toEqual([]);
    const snapshot = await openSnapshot(fileSource(path));
    const half = join(folder, "half");
    expect(await codeOf(() => restore(snapshot, half, { signal }))).toBe("CANCELLED");
    expect(readdirSync(half)).toEqual([]);
    await snapshot.close();
    expect(await codeOf(() => writeSnapshot(library, folder))).toBe("EXISTS");
  });

  it("reports progress up to the end", async () => {
    const seen: number[] = [];
    const result = await writeSnapshot(library, join(folder, "progress.snapshot"), {
      onProgress: (p) => seen.push(p.bytes),
    });
    expect(seen.at(-1)).toBe(result.bytes);
    expect(result).toEqual({ entries: 6005, bytes: bytes.length });
  });
});

describe("damaged and foreign snapshots", () => {
  async function readAll(source: ByteSource): Promise<void> {
    const snapshot = await openSnapshot(source, { cacheBytes: 0 });
    await sameAsLibrary(snapshot);
    await snapshot.close();
  }

  it("finds any flipped bit, or reads what was written", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(7), async (at, bit) => {
        const damaged = bytes.slice();
        damaged[at]! ^= 1 << bit;
        expect(await codeOf(() => readAll(memorySource(damaged)))).toBe("CORRUPT");
      }),
      {
        seed: 5,
        numRuns: 60,
        examples: [
          [0, 0],
          [8, 1],
          [20, 3],
          [bytes.length - 1, 0],
          [bytes.length - 60, 2],
        ],
      },
    );
  });

  it("finds any cut, naming the file", async () => {
    for (const length of [7, 8, 31, 32, 100, 160, 5000, bytes.length - 128, bytes.length - 1]) {
      const cut = join(folder, "cut.snapshot");
      writeFileSync(cut, bytes);
      truncateSync(cut, length);
      const error = await openSnapshot(fileSource(cut)).catch((e: unknown) => e);
      expect(isMnemeError(error, length < 8 ? "FORMAT" : "CORRUPT"), `${length}`).toBe(true);
      expect(String(error)).toContain(cut);
    }
  });

  it("refuses foreign bytes and newer versions", async () => {
    expect(await codeOf(() => openSnapshot(memorySource(new Uint8Array(0))))).toBe("FORMAT");
    expect(await codeOf(() => openSnapshot(memorySource(fill(5000, 1))))).toBe("FORMAT");
    const text = join(folder, "notes.txt");
    writeFileSync(text, "hello");
    expect(await codeOf(() => openPath(text))).toBe("FORMAT");
    expect(await codeOf(() => sourceOf(join(folder, "missing")))).toBe("NOT_FOUND");
    expect(await codeOf(() => sourceOf(folder))).toBe("FORMAT");
    expect(await codeOf(() => sourceOf(new URL("ftp://example.org/x")))).toBe("UNSUPPORTED");
  });

  it("verifies every byte by its hash", async () => {
    await verifySnapshot(memorySource(bytes));
    const damaged = bytes.slice();
    damaged[5000]! ^= 4;
    expect(await codeOf(() => verifySnapshot(memorySource(damaged)))).toBe("CORRUPT");
  });
});

describe("snapshot over HTTP", () => {
  const answer = async (act: typeof misbehave): Promise<string> => {
    misbehave = act;
    try {
      return await codeOf(async () => {
        const snapshot = await openSnapshot(await httpSource(origin));
        await snapshot.getMany("many", [["k", 5]]);
      });
    } finally {
      misbehave = undefined;
    }
  };
  const reply = (status: number, headers: Record<string, string>, body: Uint8Array | string) => {
    return (_request: IncomingMessage, response: ServerResponse): boolean => {
      response.writeHead(status, headers).end(body);
      return true;
    };
  };

  it("says what is wrong with the server", async () => {
    expect(await answer(reply(200, {}, bytes))).toBe("NETWORK");
    expect(await answer(reply(404, {}, "no"))).toBe("NOT_FOUND");
    expect(await answer(reply(403, {}, "no"))).toBe("FORBIDDEN");
    expect(await answer(reply(500, {}, "no"))).toBe("NETWORK");
    expect(await answer(reply(416, {}, ""))).toBe("NETWORK");
    expect(await answer(reply(206, { "content-range": `bytes 0-0/${bytes.length}` }, "x"))).toBe("NETWORK");
    expect(await answer(reply(206, { "content-range": "bytes 0-31/300" }, "short"))).toBe("NETWORK");
    let etag = 0;
    const changing = (_: IncomingMessage, response: ServerResponse): boolean => {
      response.setHeader("etag", `"${etag++}"`);
      return false;
    };
    expect(
      await answer((request, response) => {
        changing(request, response);
        response.writeHead(206, { "content-range": `bytes 0-0/${bytes.length}` }).end("M");
        return true;
      }),
    ).toBe("NETWORK");
    expect(
      await answer((_, response) => {
        response.writeHead(206, { "content-length": "100" });
        response.write("a");
        setTimeout(() => response.destroy(), 5);
        return true;
      }),
    ).toBe("NETWORK");
    expect(await codeOf(() => httpSource("http://127.0.0.1:1/none"))).toBe("NETWORK");
    expect(await codeOf(() => httpSource(origin, { signal: AbortSignal.abort() }))).toBe("CANCELLED");
  });

  it("opens where Content-Range is hidden, and asks for each block once", async () => {
    misbehave = (request, response) => {
      const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? "") ?? [];
      if (from === undefined) return false;
      response.writeHead(206).end(bytes.subarray(Number(from), Number(to) + 1));
      return true;
    };
    const snapshot = await openSnapshot(await sourceOf(origin));
    misbehave = undefined;
    await snapshot.close();
    const again = await openSnapshot(await httpSource(origin));
    requests = 0;
    await again.getMany(
      "many",
      Array.from({ length: 100 }, (_, i): Key => ["k", i]),
    );
    expect(requests).toBeLessThanOrEqual(3);
    await again.close();
  });
});
