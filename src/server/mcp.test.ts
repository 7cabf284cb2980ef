/** The tools as the official client sees them: over memory, over HTTP; and lines of JSON over stdio. */
import { PassThrough } from "node:stream";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MnemeError } from "../errors.ts";
import { type AnswerPart, type Memory, open } from "../memory/index.ts";
import { createMcpServer, createServer, serveMcpStdio } from "./index.ts";

let memory: Memory;
beforeAll(async () => {
  memory = await open(":memory:", { workers: 0, cube: true });
  await memory.add([
    { id: "spann.md", text: "# SPANN\n\nPosting lists are pruned by query distance.", title: "SPANN" },
  ]);
});
afterAll(() => memory.close());

async function inMemory(): Promise<Client> {
  const [clientSide, serverSide] = InMemoryTransport.createLinkedPair();
  await createMcpServer(memory).connect(serverSide);
  const client = new Client({ name: "test", version: "1" });
  await client.connect(clientSide);
  return client;
}

// biome-ignore lint/suspicious/noExplicitAny: structured content is checked field by field
type Result = any;

describe.each(["memory", "http"] as const)("MCP over %s", (kind) => {
  let client: Client;
  const server = { close: async (): Promise<void> => {} };

  beforeAll(async () => {
    if (kind === "memory") {
      client = await inMemory();
      return;
    }
    const http = createServer(memory);
    server.close = http.close;
    const { url } = await http.listen({ port: 0, token: "t0ken" });
    client = new Client({ name: "test", version: "1" });
    const requestInit = { headers: { authorization: "Bearer t0ken" } };
    await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`), { requestInit }) as never);
  });
  afterAll(async () => {
    await client.close();
    await server.close();
  });

  async function tool(name: string, args: Record<string, unknown>): Promise<Result> {
    return client.callTool({ name, arguments: args });
  }

  test("lists its tools with descriptions and schemas", async () => {
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name).sort()).toEqual([
      "add",
      "ask",
      "facets",
      "find",
      "forget",
      "get",
      "list",
      "locate",
      "search",
      "suggest_tags",
    ]);
    for (const { description, inputSchema } of tools) {
      expect(description).toBeTruthy();
      expect(inputSchema.type).toBe("object");
    }
  });

  test("facets count and narrow, tags are suggested", async () => {
    await tool("add", { id: "tea", text: "Tea came from China to London.", meta: { tags: ["tea"] } });
    const { structuredContent, content } = await tool("facets", { dimensions: ["location"] });
    expect(structuredContent.facets[0].values.map(({ value }: { value: string }) => value)).toEqual([
      "China",
      "London",
    ]);
    expect(content[0].text).toBe("location: China (1), London (1)");
    const found = await tool("search", { query: "tea in China", facets: { location: "London" } });
    expect(found.structuredContent.hits.map(({ id }: { id: string }) => id)).toEqual(["tea"]);
    expect(found.content[0].text).toContain("location: China");
    const tags = await tool("suggest_tags", { text: "A cup of tea" });
    expect(tags.content[0].text).toContain("tea (1 item)");
    expect((await tool("facets", { dimensions: ["colour"] })).isError).toBe(true);
    await tool("forget", { ids: ["tea"], confirm: true });
  });

  test("search and ask give text and structure", async () => {
    const found = await tool("search", { query: "posting lists", k: 3 });
    expect(found.content[0].text).toContain("[spann.md]");
    expect(found.structuredContent.hits[0].id).toBe("spann.md");
    const answer = await tool("ask", { question: "How are posting lists pruned?" });
    expect(answer.structuredContent.answered).toBe(true);
    expect(answer.content[0].text).toContain("[1]");
  });

  test("add, get, list, forget: a note's whole life", async () => {
    const { id } = (await tool("add", { text: "The cat is called Ada.", title: "Cat" })).structuredContent;
    expect(id).toMatch(/^note-/);
    expect((await tool("get", { id, offset: 4, length: 3 })).content[0].text).toBe("cat");
    expect((await tool("list", {})).structuredContent.items.map((item: { id: string }) => item.id)).toContain(
      id,
    );
    const dry = await tool("forget", { ids: [id] });
    expect(dry.structuredContent).toMatchObject({ items: 1, dryRun: true });
    expect((await tool("get", { id })).isError).toBeUndefined();
    const done = await tool("forget", { ids: [id], confirm: true });
    expect(done.structuredContent.undo).toBeTypeOf("string");
    expect((await tool("get", { id })).isError).toBe(true);
  });

  test("locate: how often a text occurs, and where", async () => {
    const { id } = (await tool("add", { text: "A ring, a rope, a ring." })).structuredContent;
    const { content, structuredContent } = await tool("locate", { text: "ring", limit: 1 });
    const { count, occurrences, next } = structuredContent;
    expect(count).toBe(2);
    expect(occurrences).toMatchObject([{ id, text: "ring", startByte: 2 }]);
    expect(content[0].text).toContain("It occurs 2 times.");
    const { structuredContent: rest } = await tool("locate", { text: "ring", cursor: next });
    expect(rest).toMatchObject({ count: 2, occurrences: [{ id, startByte: 18 }] });
    expect((await tool("locate", { text: "qqqq" })).content[0].text).toBe("It occurs 0 times.");
    expect((await tool("locate", { text: "ring", cursor: "x" })).isError).toBe(true);
    await tool("forget", { ids: [id], confirm: true });
  });

  test("find: the places of a quotation, with letters that may differ", async () => {
    const { id } = (await tool("add", { text: "A cat may look\nat a king." })).structuredContent;
    const { content, structuredContent } = await tool("find", { quote: "look at a ring", mismatches: 1 });
    expect(structuredContent.places).toMatchObject([{ id, line: 1, mismatches: 1, text: "look\nat a king" }]);
    expect(content[0].text).toContain(`${id}:1`);
    expect((await tool("find", { quote: "look at a ring" })).content[0].text).toBe("It stands nowhere.");
    expect((await tool("find", { quote: "look", mismatches: 9 })).isError).toBe(true);
    await tool("forget", { ids: [id], confirm: true });
  });

  test("what is refused comes back as a tool error that teaches", async () => {
    const result = await tool("forget", { confirm: true });
    expect(result.isError).toBe(true);
    expect(result.content[0].text).toMatch(/^ARGUMENT: /);
    expect((await tool("search", { query: "" })).isError).toBe(true);
  });
});

describe.each(["memory", "http"] as const)("items as resources, over %s", (kind) => {
  test("are listed a page at a time, and read", async () => {
    await using library = await open(":memory:", { workers: 0 });
    const ids = Array.from({ length: 250 }, (_, i) => `notes/${String(i).padStart(3, "0")} é.md`);
    await library.add(ids.map((id) => ({ id, text: `Note ${id}`, title: `Title of ${id}` })));
    await library.add([{ id: "zz.bin", text: "", data: Uint8Array.of(1, 2, 255) }]);
    await using served = createServer(library);
    const client = new Client({ name: "test", version: "1" });
    if (kind === "http") {
      const { url } = await served.listen({ port: 0 });
      await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`)) as never);
    } else {
      const [clientSide, serverSide] = InMemoryTransport.createLinkedPair();
      await createMcpServer(library).connect(serverSide);
      await client.connect(clientSide);
    }
    const seen: { uri: string; name: string }[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await client.listResources(cursor === undefined ? {} : { cursor });
      expect(page.resources.length).toBeLessThanOrEqual(100);
      seen.push(...page.resources);
      cursor = page.nextCursor;
      if (cursor === undefined) break;
    }
    expect(seen.map(({ name }) => name)).toEqual([...ids, "zz.bin"]);
    const { contents } = await client.readResource({ uri: seen[7]!.uri });
    expect(contents).toEqual([{ uri: seen[7]!.uri, mimeType: "text/plain", text: `Note ${ids[7]}` }]);
    const bytes = await client.readResource({ uri: seen.at(-1)!.uri });
    expect(bytes.contents[0]).toMatchObject({ blob: "AQL/", mimeType: "application/octet-stream" });
    const { resourceTemplates } = await client.listResourceTemplates();
    expect(resourceTemplates[0]!.uriTemplate).toBe("mneme://items/{id}");
    for (const uri of ["mneme://items/none", "mneme://items/%", "file:///etc/passwd"])
      await expect(client.readResource({ uri })).rejects.toMatchObject({ code: -32002 });
    await expect(client.listResources({ cursor: "\ud800" })).rejects.toMatchObject({ code: -32602 });
    await client.close();
  });
});

/** A memory whose answers take until they are stopped, after some parts. */
function endless(parts: number): {
  readonly memory: Memory;
  readonly begun: Promise<void>;
  readonly stopped: Promise<void>;
} {
  let [begin, stop] = [(): void => {}, (): void => {}];
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  async function* ask(_: string, { signal }: { signal: AbortSignal }): AsyncGenerator<AnswerPart> {
    for (let i = 0; i < parts; i++) yield { type: "text", text: "word " };
    begin();
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    stop();
    throw new MnemeError("CANCELLED", "ask: stopped");
  }
  return { memory: { ask } as unknown as Memory, begun, stopped };
}

describe("long answers", () => {
  const question = { name: "ask", arguments: { question: "why?" } };

  test("tell of their progress, and stop when they are cancelled", async () => {
    const { memory: slow, stopped } = endless(3);
    const [clientSide, serverSide] = InMemoryTransport.createLinkedPair();
    await createMcpServer(slow).connect(serverSide);
    const client = new Client({ name: "test", version: "1" });
    await client.connect(clientSide);
    const stop = new AbortController();
    const progress: number[] = [];
    const onprogress = (step: { progress: number }): void => {
      progress.push(step.progress);
      if (progress.length === 3) stop.abort();
    };
    const answer = client.callTool(question, undefined, { signal: stop.signal, onprogress });
    await expect(answer).rejects.toThrow(/abort/i);
    await stopped;
    expect(progress).toEqual([1, 2, 3]);
    await client.close();
  });

  test("over HTTP they tell of it too", async () => {
    await using server = createServer(memory);
    const { url } = await server.listen({ port: 0 });
    const client = new Client({ name: "test", version: "1" });
    await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`)) as never);
    const progress: number[] = [];
    const onprogress = (step: { progress: number }): unknown => progress.push(step.progress);
    const call = { name: "ask", arguments: { question: "How are posting lists pruned?" } };
    const { content } = (await client.callTool(call, undefined, { onprogress })) as Result;
    expect(content[0].text).toContain("[1]");
    expect(progress.length).toBeGreaterThan(0);
    await client.close();
  });

  test.each([{}, { _meta: { progressToken: 1 } }])("stop when the client goes away: %j", async (meta) => {
    const { memory: slow, begun, stopped } = endless(1);
    const server = createServer(slow);
    const { url } = await server.listen({ port: 0 });
    const leaving = new AbortController();
    const message = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { ...question, ...meta } };
    const asked = fetch(`${url}/mcp`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json, text/event-stream" },
      body: JSON.stringify(message),
      signal: leaving.signal,
    });
    const left = Promise.race([asked.then((answer) => answer.text()), asked]).catch(() => "left");
    await begun;
    leaving.abort();
    expect(await left).toBe("left");
    await stopped;
    await server.close();
  });
});

test("GET on /mcp is refused: nothing is sent unasked", async () => {
  const server = createServer(memory);
  expect((await server.app.request("/mcp")).status).toBe(405);
  await server.close();
});

test("stdio speaks one JSON message a line and ends with its input", async () => {
  const [stdin, stdout] = [new PassThrough(), new PassThrough()];
  const done = serveMcpStdio(memory, { stdin, stdout });
  const lines = stdout.setEncoding("utf8")[Symbol.asyncIterator]();
  const ask = async (message: object): Promise<Result> => {
    stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
    return JSON.parse((await lines.next()).value as string);
  };
  const clientInfo = { name: "test", version: "1" };
  const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo };
  const hello = await ask({ id: 1, method: "initialize", params });
  expect(hello.result.serverInfo.name).toBe("mneme");
  stdin.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n');
  const call = { name: "search", arguments: { query: "posting lists" } };
  const found = await ask({ id: 2, method: "tools/call", params: call });
  expect(found.result.content[0].text).toContain("[spann.md]");
  stdin.end();
  await done;
});
