/** A library that was moved to another model, as it is used from the command line: what makes its vectors is found by what it keeps. */
import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { mneme } from "../../test/support/command-line.ts";
import { temporaryFolder, toyEmbedder } from "../../test/support/memory.ts";
import { type OpenOptions, open } from "../memory/index.ts";

const { path, root } = temporaryFolder();
const toy = toyEmbedder();
/** Of each request its model and its key. */
let asked: { model: string; dimensions?: number; key: string | undefined }[] = [];
let server: Server;
let url: string;
const listen = (one: Server): Promise<number> =>
  new Promise((resolve) => one.listen(0, "127.0.0.1", () => resolve((one.address() as AddressInfo).port)));

/** The embeddings API, with the toy's vectors. */
function fakeApi(): Server {
  return createServer(async (request, response) => {
    const body: Buffer[] = [];
    for await (const piece of request) body.push(piece as Buffer);
    const { input, ...rest } = JSON.parse(Buffer.concat(body).toString()) as {
      input: string[];
      model: string;
    };
    asked.push({ ...rest, key: request.headers.authorization });
    const { data, cols } = await toy.embed(input);
    const vectors = input.map((_, i) => ({
      index: i,
      embedding: [...data.subarray(i * cols, (i + 1) * cols)],
    }));
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ data: vectors }));
  });
}

beforeAll(async () => {
  server = fakeApi();
  url = `http://127.0.0.1:${await listen(server)}/v1`;
});
afterAll(() => {
  server.close();
});
beforeEach(() => {
  asked = [];
  vi.stubEnv("OPENAI_BASE_URL", "");
  vi.stubEnv("OPENAI_API_KEY", "");
});
afterEach(() => {
  vi.unstubAllEnvs();
});

/** With items, its vectors of the bundled model or of `options.embedder`. */
async function library(options: OpenOptions = {}): Promise<string> {
  const where = path();
  await using memory = await open(where, { workers: 0, ...options });
  await memory.add([
    { id: "cats", text: "The cat sleeps most of the day." },
    { id: "ships", text: "A ship carries cargo over the sea." },
  ]);
  return where;
}

async function moved(): Promise<string> {
  const where = await library();
  const { code, err } = await mneme("reembed", "-l", where, "--to", "openai", "--url", url, "--model", "toy");
  expect([code, err]).toEqual([0, expect.any(String)]);
  asked = [];
  return where;
}

test("a library moved to an endpoint is searched, written to and moved back without a word about it", async () => {
  const where = await moved();
  const found = await mneme("search", "-l", where, "--json", "ship");
  expect([found.code, found.err]).toEqual([0, ""]);
  expect(found.out).toContain('"ships"');
  expect(asked.length).toBeGreaterThan(0);
  expect(asked.every(({ model, key }) => model === "toy" && key === undefined)).toBe(true);
  writeFileSync(join(root, "tax.md"), "Income tax is due in April.");
  expect((await mneme("index", "-l", where, "-q", join(root, "tax.md"))).code).toBe(0);
  expect((await mneme("ask", "-l", where, "-q", "--model", "none", "When is income tax due?")).out).toContain(
    "April",
  );
  expect((await mneme("reembed", "-l", where, "-q", "--to", "bundled")).code).toBe(0);
  asked = [];
  expect((await mneme("search", "-l", where, "ship")).code).toBe(0);
  expect(asked).toEqual([]);
});

test("what needs no vectors needs no endpoint; what does says how to name another one", async () => {
  const away = fakeApi();
  const gone = `http://127.0.0.1:${await listen(away)}/v1`;
  const where = await library();
  await mneme("reembed", "-l", where, "-q", "--to", "openai", "--url", gone, "--model", "toy");
  await new Promise((resolve) => {
    away.close(resolve);
    away.closeAllConnections();
  });
  expect((await mneme("stats", "-l", where)).code).toBe(0);
  expect((await mneme("list", "-l", where)).code).toBe(0);
  const { code, err } = await mneme("search", "-l", where, "ship");
  expect(code).toBe(1);
  expect(err).toContain("--embedder-url");
  expect(err).toContain("OPENAI_BASE_URL");
  expect((await mneme("search", "-l", where, "--embedder-url", url, "ship")).code).toBe(0);
  expect((await mneme("reembed", "-l", where, "-q", "--to", "bundled")).code).toBe(0);
  expect((await mneme("search", "-l", where, "ship")).code).toBe(0);
}, 30_000);

test("the key of the environment goes to this machine, and to what the user names", async () => {
  const where = await moved();
  vi.stubEnv("OPENAI_API_KEY", "secret");
  await mneme("search", "-l", where, "ship");
  expect(asked.map(({ key }) => key)).toContain("Bearer secret");
  const fetched = vi
    .spyOn(globalThis, "fetch")
    .mockImplementation(async () => new Response("no", { status: 401 }));
  try {
    const embedder = {
      ...toy,
      origin: { kind: "openai", baseURL: "https://vectors.example/v1", model: "toy" },
    } as const;
    await library({ embedder }).then((made) => mneme("search", "-l", made, "ship"));
    const keyOf = (call: number): unknown =>
      (fetched.mock.calls[call]![1]!.headers as Record<string, string>).authorization;
    expect(fetched.mock.calls[0]![0]).toBe("https://vectors.example/v1/embeddings");
    expect(keyOf(0)).toBeUndefined();
    fetched.mockClear();
    vi.stubEnv("OPENAI_BASE_URL", "https://vectors.example/v1");
    await library({ embedder }).then((made) => mneme("search", "-l", made, "ship"));
    expect(keyOf(0)).toBe("Bearer secret");
  } finally {
    fetched.mockRestore();
  }
});

test("texts go to an endpoint that a snapshot names only where the user names it too", async () => {
  const where = await moved();
  const file = join(root, "moved.snapshot");
  expect((await mneme("snapshot", "-l", where, file)).code).toBe(0);
  asked = [];
  const refused = await mneme("search", "-l", file, "ship");
  expect(refused.code).toBe(1);
  expect(refused.err).toContain(`--embedder-url ${url}`);
  expect(asked).toEqual([]);
  expect((await mneme("search", "-l", file, "--embedder-url", url, "ship")).code).toBe(0);
});

test("a library that does not keep how its vectors are made says what to give, and keeps what a reembed gives", async () => {
  const space = { ...toy.space, revision: new URL(url).host };
  const where = await library({ embedder: { ...toy, space } });
  const refused = await mneme("search", "-l", where, "ship");
  expect([refused.code, refused.err]).toEqual([1, expect.stringContaining(`--embedder-url ${url}`)]);
  expect((await mneme("search", "-l", where, "--embedder-url", url, "ship")).code).toBe(0);
  vi.stubEnv("OPENAI_BASE_URL", url);
  expect((await mneme("search", "-l", where, "ship")).code).toBe(0);
  const kept = await mneme("reembed", "-l", where, "--json", "--to", "openai", "--model", "toy");
  expect(JSON.parse(kept.out)).toMatchObject({ passages: 0 });
  vi.stubEnv("OPENAI_BASE_URL", "");
  expect((await mneme("search", "-l", where, "ship")).code).toBe(0);
});
