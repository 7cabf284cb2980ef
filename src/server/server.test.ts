/** The API over a real memory, through the fetch handler and, where it matters, a socket. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AnswerPart, type Memory, open } from "../memory/index.ts";
import { createServer, type MnemeServer } from "./index.ts";

let memory: Memory;
let server: MnemeServer;

const documents = [
  {
    id: "docs/spann.md",
    text: "# SPANN\n\nPosting lists are pruned by query distance.\n\n## Disk\n\nCentroids stay in memory.",
    title: "SPANN",
    meta: { year: 2021, lang: "en" },
  },
  {
    id: "docs/tea.md",
    text: "# Tea\n\nGreen tea is brewed at eighty degrees.",
    title: "Tea",
    meta: { year: 2020, lang: "en" },
  },
  { id: "a b%c?.md", text: "An awkward name holds zebras.", meta: { year: 2019 } },
];

beforeAll(async () => {
  memory = await open(":memory:", { workers: 0 });
  server = createServer(memory, { onError: () => {} });
  await post("/v1/items", { items: documents });
});

afterAll(async () => {
  await server.close();
  await memory.close();
});

function call(path: string, init: RequestInit = {}): Promise<Response> {
  return Promise.resolve(server.app.request(path, init));
}

function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return call(path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

async function problemOf(response: Response): Promise<{ status: number; code: string; message: string }> {
  const { error } = (await response.json()) as { error: { code: string; message: string; details: object } };
  expect(error.details).toBeTypeOf("object");
  return { status: response.status, code: error.code, message: error.message };
}

// biome-ignore lint/suspicious/noExplicitAny: answers are checked field by field
async function json(response: Response): Promise<any> {
  expect(response.status).toBe(200);
  return response.json();
}

describe("recall", () => {
  test("search finds passages with reasons and highlights", async () => {
    const { hits, ms, notes } = await json(await post("/v1/search", { query: "posting lists pruned", k: 2 }));
    expect(hits[0].id).toBe("docs/spann.md");
    expect(hits[0].reasons.length).toBeGreaterThan(0);
    expect(hits[0].place.line).toBeGreaterThan(0);
    expect(ms).toBeTypeOf("number");
    expect(notes).toBeInstanceOf(Array);
  });

  test("count and locate tell how often a text occurs, and where", async () => {
    const { count } = await json(await post("/v1/count", { text: "an", ignoreCase: true }));
    expect(count).toBeGreaterThan(1);
    const seen: { id: string; start: number }[] = [];
    for (let cursor: string | undefined; ; ) {
      const body = { text: "an", ignoreCase: true, limit: 1, ...(cursor ? { cursor } : {}) };
      const { occurrences, next } = await json(await post("/v1/locate", body));
      seen.push(...occurrences);
      cursor = next;
      if (!cursor) break;
    }
    expect(seen).toHaveLength(count);
    const bytes = Buffer.from("an").toString("base64");
    expect((await json(await post("/v1/count", { bytes, ignoreCase: true }))).count).toBe(count);
    const { occurrences } = await json(await post("/v1/locate", { bytes, ignoreCase: true, limit: 1 }));
    expect(occurrences[0]).toMatchObject(seen[0]!);
    for (const body of [{}, { text: "a", bytes }, { bytes: "a" }])
      expect((await problemOf(await post("/v1/count", body))).code).toBe("ARGUMENT");
    const data = Buffer.from([1, 0, 0xff, 0xfa, 2]).toString("base64");
    await json(await post("/v1/items", { items: [{ id: "bytes", text: "", data }] }));
    const pattern = Buffer.from([0, 0xff, 0xfa]).toString("base64");
    const found = await json(await post("/v1/locate", { bytes: pattern }));
    expect(found.occurrences).toMatchObject([{ id: "bytes", startByte: 1, endByte: 4 }]);
    expect(await json(await call("/v1/items/bytes"))).toMatchObject({ binary: true, data, bytes: 5 });
    await call("/v1/items/bytes", { method: "DELETE" });
    expect((await problemOf(await post("/v1/count", { text: "" }))).code).toBe("ARGUMENT");
    expect((await problemOf(await post("/v1/locate", { text: "a", cursor: "?" }))).code).toBe("ARGUMENT");
  });

  test("find gives the places of a quotation", async () => {
    const { hits } = await json(await post("/v1/search", { query: "posting lists pruned", k: 1 }));
    const quote = hits[0].snippet.slice(0, 12);
    const { places } = await json(await post("/v1/find", { quote, limit: 5 }));
    expect(places.map(({ id }: { id: string }) => id)).toContain(hits[0].id);
    expect(places[0].snippet.slice(...places[0].highlight)).toBe(places[0].text);
    expect((await problemOf(await post("/v1/find", { quote: "" }))).code).toBe("ARGUMENT");
    expect((await problemOf(await post("/v1/find", { quote: "ab", mismatches: 2 }))).code).toBe("RANGE");
  });

  test("search refuses what it does not know, by name", async () => {
    const unknown = await problemOf(await post("/v1/search", { query: "x", limit: 3 }));
    expect(unknown).toMatchObject({ status: 400, code: "ARGUMENT" });
    expect(unknown.message).toContain("limit");
    const wrong = await problemOf(await post("/v1/search", { query: "x", k: 0 }));
    expect(wrong.message).toContain("body.k");
    expect(
      (await problemOf(await post("/v1/search", { query: "x", filter: { year: { gt: [1] } } }))).code,
    ).toBe("ARGUMENT");
  });

  test("ask answers as JSON with citations", async () => {
    const answer = await json(await post("/v1/ask", { question: "How are posting lists pruned?" }));
    expect(answer.answered).toBe(true);
    expect(answer.citations[0]).toMatchObject({ number: 1, id: "docs/spann.md" });
    expect(answer.answer).toContain("[1]");
  });

  test("ask streams the same parts as server-sent events", async () => {
    const response = await post("/v1/ask", { question: "How are posting lists pruned?", stream: true });
    expect(response.headers.get("content-type")).toContain("text/event-stream");
    const events = (await response.text()).trim().split("\n\n");
    const types = events.map((event) => /^event: (\w+)\ndata: \{/.exec(event)?.[1]);
    expect(types).toContain("text");
    expect(types).toContain("citation");
    expect(types.at(-1)).toBe("done");
  });
});

describe("items", () => {
  test("pages through the list by id", async () => {
    const first = await json(await call("/v1/items?limit=2"));
    expect(first.items).toHaveLength(2);
    const rest = await json(await call(`/v1/items?limit=2&after=${encodeURIComponent(first.next)}`));
    expect(rest.next).toBeUndefined();
    const ids = [...first.items, ...rest.items].map((item: { id: string }) => item.id);
    expect(ids.sort()).toEqual(documents.map(({ id }) => id).sort());
  });

  test("reads one, slashes and odd characters in its id included", async () => {
    expect((await json(await call("/v1/items/docs/spann.md"))).text).toBe(documents[0]!.text);
    expect((await json(await call(`/v1/items/${encodeURIComponent("docs/spann.md")}`))).id).toBe(
      "docs/spann.md",
    );
    expect((await json(await call(`/v1/items/${encodeURIComponent("a b%c?.md")}`))).text).toContain("zebras");
    expect(await problemOf(await call("/v1/items/none.md"))).toMatchObject({
      status: 404,
      code: "NOT_FOUND",
    });
  });

  test("deletes with a dry run and brings back", async () => {
    const dry = await json(await call("/v1/items/docs/tea.md?dryRun=true", { method: "DELETE" }));
    expect(dry.items).toBe(1);
    expect(dry.undo).toBeUndefined();
    const { undo } = await json(await call("/v1/items/docs/tea.md", { method: "DELETE" }));
    expect((await call("/v1/items/docs/tea.md")).status).toBe(404);
    expect(await json(await post("/v1/undo", { token: undo }))).toEqual({ items: 1 });
    expect((await call("/v1/items/docs/tea.md")).status).toBe(200);
  });

  test("forget counts before it acts", async () => {
    const dry = await json(await post("/v1/forget", { ids: ["docs/tea.md"], dryRun: true }));
    expect(dry).toMatchObject({ items: 1, ids: ["docs/tea.md"] });
    expect((await call("/v1/items/docs/tea.md")).status).toBe(200);
  });
});

describe("upload", () => {
  function form(...files: [string, string][]): FormData {
    const data = new FormData();
    for (const [name, text] of files) data.append("file", new Blob([text]), name);
    return data;
  }

  test("tells of each file as it goes in", async () => {
    const body = form(["notes/otter.md", "Otters hold hands."], ["empty.txt", ""]);
    const response = await call("/v1/upload", {
      method: "POST",
      body,
      headers: { accept: "application/x-ndjson" },
    });
    const events = (await response.text())
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events.find((e) => e.type === "file")).toMatchObject({ name: "notes/otter.md", outcome: "added" });
    expect(events.find((e) => e.type === "skipped")).toMatchObject({ name: "empty.txt", code: "EMPTY" });
    expect(events.at(-1)).toMatchObject({ type: "done", added: 1 });
    expect((await json(await call("/v1/items/notes/otter.md"))).text).toContain("Otters");
    await post("/v1/forget", { ids: ["notes/otter.md"] });
  });

  test("answers with totals when no stream is asked for", async () => {
    const result = await json(
      await call("/v1/upload", { method: "POST", body: form(["../../x.md", "Climbing."]) }),
    );
    expect(result).toMatchObject({ added: 1, skipped: [] });
    expect((await call("/v1/items/x.md")).status).toBe(200);
    await post("/v1/forget", { ids: ["x.md"] });
  });

  test("names are as they were given, parts without one are no files, and pieces are joined", async () => {
    const body = form(['a "b"/ü.md', "word ".repeat(60_000)]);
    body.append("file", "no name");
    body.append("other", new Blob(["other"]), "other.md");
    const result = await json(await call("/v1/upload", { method: "POST", body }));
    expect(result).toMatchObject({ added: 1, bytes: 300_000, skipped: [] });
    const item = await json(
      await call(`/v1/items/${encodeURIComponent('a "b"')}/${encodeURIComponent("ü.md")}`),
    );
    expect(item.text).toBe("word ".repeat(60_000));
    await post("/v1/forget", { ids: ['a "b"/ü.md'] });
  });

  test.each([
    ["no boundary", "multipart/form-data", "--x"],
    ["another boundary", "multipart/form-data; boundary=y", "--x\r\n\r\n\r\n--x--"],
    [
      "no end",
      "multipart/form-data; boundary=x",
      '--x\r\nContent-Disposition: form-data; name="file"\r\n\r\ntext',
    ],
  ])("refuses a form that is none: %s", async (_, type, body) => {
    const problem = await problemOf(
      await call("/v1/upload", { method: "POST", body, headers: { "content-type": type } }),
    );
    expect(problem).toMatchObject({ status: 400, code: "ARGUMENT" });
  });

  test("refuses forms without files and other media types", async () => {
    expect((await problemOf(await call("/v1/upload", { method: "POST", body: new FormData() }))).code).toBe(
      "ARGUMENT",
    );
    expect(await problemOf(await post("/v1/upload", {}))).toMatchObject({ status: 415 });
  });
});

describe("description", () => {
  test("info, stats, fields, facets, health", async () => {
    expect((await json(await call("/v1/info"))).items).toBe(3);
    const stats = await json(await call("/v1/stats"));
    expect(stats.rows.length).toBeGreaterThan(0);
    expect(stats.budgetBytes).toBeGreaterThan(0);
    expect((await json(await call("/v1/facets"))).fields[0]).toEqual({ field: "year", items: 3 });
    const { values } = await json(await call("/v1/facets/lang"));
    expect(values).toEqual([{ value: "en", count: 2 }]);
    expect((await problemOf(await call("/v1/facets/lang?where=nonsense"))).code).toBe("ARGUMENT");
    expect((await json(await call("/v1/health"))).status).toBe("ok");
  });

  test("metrics are in the Prometheus format", async () => {
    const text = await (await call("/metrics")).text();
    for (const line of text.trim().split("\n")) {
      expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{(\w+="([^"\\]|\\.)*",?)+\})? (\d|\.|e|[+-])+)$/);
    }
    expect(text).toContain('mneme_http_requests_total{method="POST",route="/v1/search",status="200"}');
    expect(text).toContain("mneme_event_loop_delay_max_seconds");
    expect(text).toMatch(/mneme_bytes\{structure="[^"]+",tier="ram"\} \d+/);
  });

  test("a snapshot is a download", async () => {
    const response = await call("/v1/snapshot");
    expect(response.headers.get("content-disposition")).toContain("attachment");
    expect((await response.arrayBuffer()).byteLength).toBe(Number(response.headers.get("content-length")));
  });
});

describe("errors", () => {
  test("wrong path, method, type and JSON are told apart", async () => {
    expect(await problemOf(await call("/v1/nothing"))).toMatchObject({ status: 404, code: "NOT_FOUND" });
    const method = await call("/v1/search");
    expect(method.headers.get("allow")).toBe("POST");
    expect((await problemOf(method)).status).toBe(405);
    const text = await call("/v1/search", {
      method: "POST",
      body: "{}",
      headers: { "content-type": "text/plain" },
    });
    expect((await problemOf(text)).status).toBe(415);
    const broken = await call("/v1/search", {
      method: "POST",
      body: "{",
      headers: { "content-type": "application/json" },
    });
    expect(await problemOf(broken)).toMatchObject({ status: 400, code: "ARGUMENT" });
  });

  test("hostile filters are refused, not obeyed", async () => {
    const deep = `${'{"not":'.repeat(50_000)}{"x":1}${"}".repeat(50_000)}`;
    const init = { method: "POST", headers: { "content-type": "application/json" } };
    const nested = await call("/v1/search", { ...init, body: `{"query":"x","filter":${deep}}` });
    expect(await problemOf(nested)).toMatchObject({ status: 400, code: "ARGUMENT" });
    await call("/v1/search", { ...init, body: '{"query":"x","filter":{"__proto__":{"polluted":1}}}' });
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  test("every answer carries a request id and safe headers", async () => {
    const own = await call("/v1/info", { headers: { "x-request-id": "abc-1" } });
    expect(own.headers.get("x-request-id")).toBe("abc-1");
    const made = await call("/v1/nothing", { headers: { "x-request-id": "bad id\u00e9" } });
    expect(made.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    expect(made.headers.get("x-content-type-options")).toBe("nosniff");
  });

  test("a body over the limit is refused, with and without content-length", async () => {
    const small = createServer(memory, { maxUploadBytes: 1000 });
    const body = new FormData();
    body.append("file", new Blob(["x".repeat(5000)]), "big.txt");
    expect((await problemOf(await small.app.request("/v1/upload", { method: "POST", body }))).status).toBe(
      413,
    );
    const stream = new Response(body);
    const request = new Request("http://localhost/v1/upload", {
      method: "POST",
      headers: { "content-type": stream.headers.get("content-type")!, "content-length": "5500" },
      body: stream.body,
      duplex: "half",
    } as RequestInit);
    expect((await problemOf(await small.app.fetch(request))).status).toBe(413);
    await small.close();
  });

  test("what is not ours is hidden behind the request id", async () => {
    const logged: unknown[] = [];
    const info = (): never => {
      throw new TypeError("secret detail");
    };
    const broken = { info } as unknown as Memory;
    const other = createServer(broken, { onError: (error) => logged.push(error) });
    const problem = await problemOf(await other.app.request("/v1/info"));
    expect(problem).toMatchObject({ status: 500, code: "INTERNAL" });
    expect(problem.message).not.toContain("secret");
    expect(logged).toHaveLength(1);
    await other.close();
  });

  test("what is not ours and fails within a stream is logged under its request id", async () => {
    const logged: unknown[][] = [];
    async function* parts(): AsyncGenerator<AnswerPart> {
      yield { type: "text", text: "so far " };
      throw new TypeError("secret detail");
    }
    const broken = { ask: parts, chat: parts } as unknown as Memory;
    await using other = createServer(broken, { onError: (...what) => logged.push(what) });
    const asked = { question: "why?", stream: true };
    const chat = { messages: [{ role: "user", content: "why?" }], stream: true };
    for (const [path, body] of [
      ["/v1/ask", asked],
      ["/v1/chat/completions", chat],
    ] as const) {
      const response = await other.app.request(path, {
        method: "POST",
        headers: { "content-type": "application/json", "x-request-id": `of-${path.length}` },
        body: JSON.stringify(body),
      });
      const text = await response.text();
      expect(text).toContain(`under request id of-${path.length}`);
      expect(text).not.toContain("secret");
      expect(logged.at(-1)).toEqual([expect.any(TypeError), `of-${path.length}`]);
    }
    expect(logged).toHaveLength(2);
  });

  test("a filter in a query string that nests too deeply is refused", async () => {
    const deep = `${'{"not":'.repeat(2000)}{}${"}".repeat(2000)}`;
    const { status, code } = await problemOf(await call(`/v1/items?where=${encodeURIComponent(deep)}`));
    expect({ status, code }).toEqual({ status: 400, code: "ARGUMENT" });
  });

  test("a server whose port is taken listens on another one", async () => {
    await using first = createServer(memory);
    const { port } = await first.listen({ port: 0 });
    const second = createServer(memory);
    await expect(second.listen({ port })).rejects.toMatchObject({ code: "EXISTS" });
    const { url } = await second.listen({ port: 0 });
    expect((await fetch(`${url}/v1/health`)).status).toBe(200);
    await second.close();
    await expect(second.listen({ port: 0 })).rejects.toMatchObject({ code: "STATE" });
    const never = createServer(memory);
    await never.close();
    await expect(never.listen({ port: 0 })).rejects.toMatchObject({ code: "DISPOSED" });
  });
});
