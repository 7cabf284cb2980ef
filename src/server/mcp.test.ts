/** The tools as the official client sees them: over memory, over HTTP; and lines of JSON over stdio. */
import { PassThrough } from "node:stream";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Memory, open } from "../memory/index.ts";
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

test("GET and DELETE on /mcp are refused: there are no sessions", async () => {
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
